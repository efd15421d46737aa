"""The relay under test as one thing to start, watch, kill and stop, whatever number of processes it has."""
import os
import random
import shlex
import signal
import socket
import subprocess
import time


class CannotRun(Exception):
    """The machine lacks something: no verdict (exit status 3)."""


class Failed(Exception):
    """The relay did what it must not, and the run cannot go on."""


def free_port(seen=set()):
    """A free port below those that the kernel gives to clients, so that no outgoing connection can sit on it."""
    while True:
        port = random.SystemRandom().randrange(20000, 32000)
        if port in seen:
            continue
        with socket.socket() as s:
            try:
                s.bind(('127.0.0.1', port))
            except OSError:
                continue
        seen.add(port)
        return port


def shell(command, **options):
    done = subprocess.run(command, shell=True, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise CannotRun('%s: %s' % (command, (done.stderr or done.stdout).strip()[-300:]))
    return done.stdout.strip()


class Relay:
    """`start` is a shell command that stays in the foreground; it and all it begins live in a cgroup (version 2) of its own,
    so that `kill` is one SIGKILL of everything at one instant. Without cgroups it kills the process group."""

    def __init__(self, start, run_dir, port, sink_port, env=None):
        self.command, self.port, self.log = start, port, run_dir + '/driver.log'
        self.env = dict(os.environ, RUN_DIR=run_dir, IN_PORT=str(port), SINK_PORT=str(sink_port), **(env or {}))
        self.process, self.group, self.starts = None, None, []
        os.makedirs(run_dir + '/spool', exist_ok=True)
        for base in ('/sys/fs/cgroup/unified', '/sys/fs/cgroup'):
            path = '%s/postilion-harness-%d-%d' % (base, os.getpid(), port)
            try:
                os.mkdir(path)
            except OSError:
                continue
            if os.path.exists(path + '/cgroup.kill'):
                self.group = path
                return
            os.rmdir(path)

    def start(self, wrap=None, wait=60, must=True):
        """`wrap`: what stands before the command (strace …, unshare …). False when it ended before its greeting, or, unless it `must`,
        never greeted."""
        self._wait_port_free()
        command = 'exec ' + self.command
        if wrap:
            command = 'exec %s bash -c %s' % (wrap, shlex.quote(command))
        enter = (lambda: open(self.group + '/cgroup.procs', 'w').write('0')) if self.group else None
        begun = time.monotonic()
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(['bash', '-c', command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env,
                                            start_new_session=True, preexec_fn=enter)
        while time.monotonic() - begun < wait:
            if self.greets():
                self.starts.append(time.monotonic() - begun)
                return True
            if not self.alive():
                return False
            time.sleep(0.02)
        if not must:
            return False
        raise Failed('no greeting within %d s after a start; see %s' % (wait, self.log))

    def _wait_port_free(self):
        """The sockets of a killed process are gone a moment after its last thread has been seen to end."""
        end = time.monotonic() + 5
        while True:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    return probe.bind(('127.0.0.1', self.port))
                except OSError:
                    if time.monotonic() > end:
                        raise Failed('port %d is still taken 5 s after its relay ended' % self.port) from None
            time.sleep(0.02)

    def greets(self):
        try:
            with socket.create_connection(('127.0.0.1', self.port), 1) as s:
                s.settimeout(3)
                return s.recv(4)[:3] == b'220'
        except OSError:
            return False

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def pids(self):
        if self.group:
            return [int(pid) for pid in open(self.group + '/cgroup.procs').read().split()]
        return [self.process.pid] if self.alive() else []

    def kill(self):
        if self.process is None:
            return
        if self.group:
            with open(self.group + '/cgroup.kill', 'w') as file:
                file.write('1')
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except OSError:
            pass
        self.process.wait()
        while self.group and self.pids():
            time.sleep(0.005)

    def kill_one(self, rng):
        """SIGKILL for one random process that is not the first; for the only one when it is alone, and then all is over.
        Tells what it was."""
        pids = [pid for pid in self.pids() if pid != self.process.pid] or [self.process.pid]
        pid = rng.choice(sorted(pids))
        try:
            what = ' '.join(open('/proc/%d/cmdline' % pid).read().split('\0')[1:4]).replace(os.path.dirname(self.log), '').strip()
            os.kill(pid, signal.SIGKILL)
        except OSError:
            return None
        if pid == self.process.pid:
            self.kill()
        return what.split('/')[-1]

    def stop(self, wait=60):
        """As a service manager does. Returns the exit status; a relay that does not end is a failure."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(wait)
        except subprocess.TimeoutExpired:
            raise Failed('did not end within %d s after SIGTERM' % wait) from None
        left = self.pids()
        self.kill()
        if left:
            raise Failed('processes left behind after an orderly stop: %s' % left)
        return status

    def close(self):
        self.kill()
        if self.group:
            for _ in range(100):
                try:
                    return os.rmdir(self.group)
                except OSError:
                    time.sleep(0.02)
