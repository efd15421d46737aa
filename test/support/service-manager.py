"""A stand-in for systemd that speaks its protocol: holds listening sockets across starts of a command, tells what is said
to its notification socket, and does what it is told, one JSON object a line each way.

Input: {"do": "start", "command": [...]} | {"do": "signal", "name": "SIGHUP"}.
Output: {"ports": [...]} first, then {"started": pid}, {"told": {NAME: value, ...}, "from": pid}, {"exited": code}.
The end of the input kills the command and ends this program.

usage: service-manager.py FOLDER COUNT WATCHDOG_USEC
"""

import json
import os
import select
import signal
import socket
import sys

folder, count, watchdog = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def say(**what):
    print(json.dumps(what), flush=True)


listeners = []
for _ in range(count):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    listeners.append(listener)

notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(os.path.join(folder, "notify"))
notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)


def start(command):
    pid = os.fork()
    if pid != 0:
        return pid
    try:
        # what it prints is its log, not a word of ours
        os.dup2(2, 1)
        # above all targets first: one of them may stand where another must go
        high = [os.dup2(listener.fileno(), 100 + at) for at, listener in enumerate(listeners)]
        for at, fd in enumerate(high):
            os.dup2(fd, 3 + at, inheritable=True)
        os.closerange(3 + len(high), 256)
        environment = dict(
            os.environ,
            NOTIFY_SOCKET=os.path.join(folder, "notify"),
            WATCHDOG_USEC=watchdog,
            WATCHDOG_PID=str(os.getpid()),
            LISTEN_PID=str(os.getpid()),
            LISTEN_FDS=str(count),
            LISTEN_FDNAMES=":".join(["postilion.socket"] * count),
        )
        os.execvpe(command[0], command, environment)
    finally:
        os._exit(127)


def hear():
    text, ancillary, _, _ = notify.recvmsg(65536, socket.CMSG_SPACE(256))
    sender = 0
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            sender = int.from_bytes(content[:4], sys.byteorder)
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            # BARRIER=1: who sent it waits until these are closed
            for at in range(0, len(content) - 3, 4):
                os.close(int.from_bytes(content[at : at + 4], sys.byteorder))
    told = dict(line.split("=", 1) for line in text.decode().splitlines() if "=" in line)
    if "BARRIER" not in told:
        say(told=told, **{"from": sender})


say(ports=[listener.getsockname()[1] for listener in listeners])
child = 0
wake_read, wake_write = os.pipe()
os.set_blocking(wake_write, False)
signal.set_wakeup_fd(wake_write)
signal.signal(signal.SIGCHLD, lambda *_: None)
rest = b""
while True:
    ready, _, _ = select.select([0, notify, wake_read], [], [])
    if notify in ready:
        hear()
    if wake_read in ready:
        os.read(wake_read, 256)
        if child != 0:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid != 0:
                child = 0
                say(exited=os.waitstatus_to_exitcode(status))
    if 0 not in ready:
        continue
    chunk = os.read(0, 65536)
    if not chunk:
        break
    *lines, rest = (rest + chunk).split(b"\n")
    for line in lines:
        asked = json.loads(line)
        if asked["do"] == "start":
            child = start(asked["command"])
            say(started=child)
        elif child != 0:
            os.kill(child, getattr(signal, asked["name"]))
if child != 0:
    os.kill(child, signal.SIGKILL)
