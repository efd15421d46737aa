#!/usr/bin/env python3
"""The far side of the end-to-end test: a DNS server, receiving servers that answer by script, and the host behind a real Postfix
that keeps what arrives. Standard library only. Appends one JSON line per event to the file named by the first argument."""
import base64
import json
import socket
import struct
import sys
import threading
import time

POSTFIX, SCRIPTED, DNS = '192.0.2.25', '192.0.2.26', '192.0.2.53'
BEHIND_PORT = 2626

ZONE = {
    ('mx.example', 'MX'): [(20, 'nobody.example'), (10, 'mx1.mx.example')],
    ('mx1.mx.example', 'A'): [POSTFIX],
    ('shy.example', 'MX'): [(10, 'scripted.example')],
    ('bad.example', 'MX'): [(10, 'scripted.example')],
    ('slow.example', 'MX'): [(10, 'scripted.example')],
    ('null.example', 'MX'): [(0, '')],
    ('plain.example', 'A'): [SCRIPTED],  # an address and no MX
    ('scripted.example', 'A'): [SCRIPTED],
}
NAMES = {name for name, _ in ZONE}
TYPES = {1: 'A', 15: 'MX', 28: 'AAAA'}

lock = threading.Lock()
out = open(sys.argv[1], 'a', buffering=1)


def tell(**event):
    with lock:
        out.write(json.dumps(dict(at=time.time(), **event)) + '\n')


# ---- DNS: RFC 1035, no compression in answers -------------------------------------------------------------------------------

def encode(name):
    return b''.join(bytes([len(label)]) + label.encode() for label in name.split('.') if label) + b'\0'


def answer(query):
    ident, flags, _, _, _, _ = struct.unpack_from('>6H', query)
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode('latin1'))
        at += 1 + query[at]
    question = query[12:at + 5]
    kind = struct.unpack_from('>H', query, at + 1)[0]
    name = '.'.join(labels).lower()
    tell(what='dns', name=name, type=TYPES.get(kind, kind))
    records = []
    for value in ZONE.get((name, TYPES.get(kind)), []):
        data = socket.inet_aton(value) if kind == 1 else struct.pack('>H', value[0]) + encode(value[1])
        records.append(question[:-4] + struct.pack('>2HIH', kind, 1, 60, len(data)) + data)
    code = 0 if name in NAMES else 3
    return struct.pack('>6H', ident, 0x8480 | (flags & 0x0100) | code, 1, len(records), 0, 0) + question + b''.join(records)


def dns():
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((DNS, 53))
    while True:
        query, peer = udp.recvfrom(4096)
        try:
            udp.sendto(answer(query), peer)
        except (IndexError, struct.error):
            pass


# ---- SMTP -------------------------------------------------------------------------------------------------------------------

seen = {}


def script(path):
    """Reply to RCPT."""
    domain = path.rsplit('@', 1)[-1]
    with lock:
        seen[path] = seen.get(path, 0) + 1
        tries = seen[path]
    if domain == 'shy.example' and tries == 1:
        return '451 4.7.1 greylisted, come back'
    if domain == 'bad.example':
        return '550 5.1.1 no such user here'
    if domain == 'slow.example':
        return '451 4.3.2 not today'
    return '250 2.1.5 ok'


def serve(listener, name, rcpt_reply):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=talk, args=(connection, name, rcpt_reply), daemon=True).start()


def talk(connection, name, rcpt_reply):
    file, paths, reverse = connection.makefile('rb'), [], ''

    def say(text):
        connection.sendall(text.encode() + b'\r\n')
    try:
        say('220 %s ESMTP' % name)
        while line := file.readline():
            verb = line[:4].upper()
            argument = line[line.find(b'<') + 1:line.find(b'>')].decode('latin1')
            if verb == b'EHLO':
                say('250-%s\r\n250-PIPELINING\r\n250-SIZE 100000000\r\n250-ENHANCEDSTATUSCODES\r\n250-SMTPUTF8\r\n250 8BITMIME' % name)
            elif verb == b'MAIL':
                reverse, paths = argument, []
                say('250 2.1.0 ok')
            elif verb == b'RCPT':
                reply = rcpt_reply(argument)
                tell(what='rcpt', server=name, path=argument, reply=reply)
                if reply[0] == '2':
                    paths.append(argument)
                say(reply)
            elif verb == b'DATA' and not paths:
                say('554 5.5.1 no valid recipients')
            elif verb == b'DATA':
                say('354 go on')
                lines = []
                while (line := file.readline()) != b'.\r\n':
                    if not line:
                        return
                    lines.append(line[1:] if line.startswith(b'.') else line)
                tell(what='message', server=name, reverse=reverse, paths=paths, content=base64.b64encode(b''.join(lines)).decode())
                say('250 2.0.0 kept')
                paths = []
            elif verb == b'QUIT':
                return say('221 2.0.0 bye')
            else:
                say('250 2.0.0 ok')
    except OSError:
        pass
    finally:
        connection.close()


def listen(address, port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(128)
    return listener


threading.Thread(target=dns, daemon=True).start()
threading.Thread(target=serve, args=(listen(SCRIPTED, 25), 'scripted.example', script), daemon=True).start()
behind = listen(POSTFIX, BEHIND_PORT)
tell(what='ready')
serve(behind, 'behind.example', lambda path: '250 2.1.5 ok')
