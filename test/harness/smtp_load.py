"""Load with a memory: clients that hand over messages and write down what they were told about each.

Standard library only, so that nothing is shared with the relay that is judged."""
import base64
import hashlib
import random
import re
import socket
import threading
import time

SENDER = 'sender@app.test'


def simple_body_hash(body):
    """RFC 6376 section 3.4.3: empty lines at the end count as one CRLF; SHA-256, base64."""
    while body.endswith(b'\r\n\r\n'):
        body = body[:-2]
    if not body or body == b'\r\n':
        body = b'\r\n'
    elif not body.endswith(b'\r\n'):
        body += b'\r\n'
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def make_message(name, forward_paths, rng, size):
    """Header and body (unique by `name`) with what relays like to damage: dots, 8-bit, long lines, empty lines at the end."""
    lines = [b'rel-id ' + name.encode(), b'.', b'..', b'. x', b'.\t', b'From here', b'--=_b', b'', b' trailing ',
             'caf\u00e9 \u2603'.encode(), b'\x80\xff\x01']
    have = sum(map(len, lines))
    while have < size:
        length = min(rng.choice([1, 60, 76, 900, 20000]), size - have + 1)
        line = rng.randbytes(length).translate(PRINTABLE) if length < 20000 else b'L' * length
        lines.append(line)
        have += length + 2
    body = b'\r\n'.join(lines) + b'\r\n' * rng.choice([1, 1, 1, 2, 4])
    head = ('From: <%s>\r\nTo: %s\r\nSubject: harness %s\r\nMessage-ID: <%s@app.test>\r\nX-Rel-Id: %s\r\n'
            'Date: Mon, 24 Nov 2025 00:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n'
            'Content-Transfer-Encoding: 8bit\r\n\r\n'
            % (SENDER, ', '.join('<%s>' % path for path in forward_paths), name, name, name)).encode()
    return head, body


# any octet → one that may stand in a line; dots are frequent, since transparency is where relays err
PRINTABLE = bytes((b'abcdefghij .XYZ0123456789=.;,<>\x00'.replace(b'\x00', b'.') * 9)[:256])


class Refused(Exception):
    def __init__(self, code, text):
        super().__init__('%d %s' % (code, text))
        self.code = code


class Client:
    def __init__(self, port, timeout=20):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile('rb')

    def reply(self):
        while True:
            line = self.file.readline()
            if not line.endswith(b'\n'):
                raise ConnectionError('connection closed')
            if line[3:4] != b'-':
                return int(line[:3]), line.decode('latin1').strip()

    def command(self, line, *wanted):
        self.socket.sendall(line.encode() + b'\r\n')
        code, text = self.reply()
        if wanted and code not in wanted:
            raise Refused(code, text)
        return code, text

    def hello(self, login=None):
        code, text = self.reply()
        if code != 220:
            raise Refused(code, text)
        self.command('EHLO harness.test', 250)
        if login:
            token = base64.b64encode(('\0%s\0%s' % login).encode()).decode()
            self.command('AUTH PLAIN ' + token, 235)

    def close(self, reset=False):
        try:
            if reset:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\x01\0\0\0\0\0\0\0')
            self.file.close()
            self.socket.close()
        except OSError:
            pass


class Ledger:
    """By name of a message: what its client knows.

    state: accepted (250 after the dot) | refused | unknown (dot sent, no reply read) | aborted (the dot was never sent)"""

    def __init__(self):
        self.lock = threading.Lock()
        self.messages = {}

    def put(self, name, **facts):
        with self.lock:
            self.messages.setdefault(name, {}).update(facts)

    def with_state(self, state):
        with self.lock:
            return [(name, dict(m)) for name, m in self.messages.items() if m['state'] == state]

    def count(self, state):
        with self.lock:
            return sum(m['state'] == state for m in self.messages.values())


class Load:
    """`workers` clients, each sending one message after the other until stopped; survives a relay that comes and goes."""

    def __init__(self, port, ledger, seed, workers=4, prefix='m', login=None, think=0.0, sizes=None, abort_p=0.03, on_accept=None):
        self.port, self.ledger, self.login, self.think, self.abort_p = port, ledger, login, think, abort_p
        self.sizes = sizes or [0, 200, 2000, 2000, 8000, 30000, 90000]
        self.on_accept = on_accept or (lambda name: {})
        self.stopping, self.refusals, self.lock = threading.Event(), {}, threading.Lock()
        self.refused_at = []
        self.threads = [threading.Thread(target=self._run, args=(n, '%s%d' % (prefix, n), random.Random('%s/%s/%d' % (seed, prefix, n))),
                                         daemon=True) for n in range(workers)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)

    def _run(self, number, prefix, rng):
        client, sequence = None, 0
        while not self.stopping.is_set():
            try:
                if client is None:
                    client = Client(self.port)
                    client.hello(self.login)
            except (OSError, Refused, ValueError):
                if client:
                    client.close()
                client = None
                time.sleep(0.03)
                continue
            sequence += 1
            try:
                alive = self._send(client, '%s-%d' % (prefix, sequence), rng)
            except (OSError, ValueError):
                alive = False
            except Refused as refused:
                self._refused(refused)
                alive = refused.code != 421 and self._rset(client)
                time.sleep(0.03)
            if not alive:
                client.close()
                client = None
            if self.think:
                time.sleep(self.think)
        if client:
            client.close()

    def _send(self, client, name, rng):
        paths = list(dict.fromkeys('u%d@d%d.test' % (rng.randrange(1000), rng.randrange(5)) for _ in range(rng.randint(1, 3))))
        head, body = make_message(name, paths, rng, rng.choice(self.sizes))
        client.command('MAIL FROM:<%s>' % SENDER, 250)
        for path in paths:
            client.command('RCPT TO:<%s>' % path, 250)
        client.command('DATA', 354)
        wire = re.sub(rb'(?m)^\.', b'..', head + body)
        self.ledger.put(name, state='aborted', paths=paths, body_hash=simple_body_hash(body), body_sha=hashlib.sha256(body).hexdigest())
        if rng.random() < self.abort_p:  # dies inside DATA: must never be seen again
            client.socket.sendall(wire[:rng.randrange(1, len(wire))])
            client.close(reset=rng.random() < 0.5)
            return False
        client.socket.sendall(wire)
        self.ledger.put(name, state='unknown')
        client.socket.sendall(b'.\r\n')
        code, text = client.reply()
        if not 200 <= code < 300:
            self.ledger.put(name, state='refused', reply=text)
            raise Refused(code, text)
        found = re.search(r'\b[0-9a-hjkmnp-tv-z]{26}\b', text)
        self.ledger.put(name, state='accepted', reply=text, id=found and found.group(0), at=time.monotonic(), **self.on_accept(name))
        return True

    def _refused(self, refused):
        with self.lock:
            self.refusals[refused.code] = self.refusals.get(refused.code, 0) + 1
            self.refused_at.append((time.monotonic(), refused.code))

    def _rset(self, client):
        try:
            client.command('RSET', 250)
            return True
        except (OSError, Refused, ValueError):
            return False
