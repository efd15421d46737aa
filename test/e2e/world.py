#!/usr/bin/env python3
"""End to end, in network namespaces of its own: real clients → Postilion (AUTH, STARTTLS on 587, TLS on 465) → a real Postfix
found by MX through a DNS server → the octets that arrive.

  unshare -n -m -p -f --mount-proc --kill-child python3 world.py

Ends every process it began. Prints one JSON line per step: {"step", "ok", "detail"}."""
import base64
import json
import os
import re
import shutil
import smtplib
import ssl
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
MAIN = ROOT + '/dist/src/app/main.js'
NODE = os.environ.get('NODE', 'node')
POSTFIX = '192.0.2.25'
NEAR, FAR = '192.0.2.1', ['192.0.2.25', '192.0.2.26', '192.0.2.53']
PASSWORD = 'correct horse battery'
TERMINAL = {'delivered', 'failed', 'expired', 'suppressed', 'cancelled', 'unknown'}
PORTS = {'starttls': 587, 'tls': 465}


def tell(step, ok, detail=''):
    print(json.dumps(dict(step=step, ok=bool(ok), detail=str(detail)[-1500:])), flush=True)


def run(*command, check=True, **options):
    done = subprocess.run(command, capture_output=True, timeout=60, **options)
    if check and done.returncode != 0:
        raise RuntimeError('%s: %s' % (' '.join(command), (done.stderr or done.stdout).decode(errors='replace')[-800:]))
    return done


class World:
    def __init__(self, folder):
        self.folder, self.events_file = folder, folder + '/events.jsonl'
        os.chmod(folder, 0o755)
        self.children = []

    # ---- the two sides of the wire ----
    def build(self):
        run('ip', 'link', 'set', 'lo', 'up')
        self.far = self.spawn(['unshare', '-n', 'sleep', 'infinity'])
        end = time.monotonic() + 5
        while os.readlink('/proc/%d/ns/net' % self.far.pid) == os.readlink('/proc/self/ns/net') and time.monotonic() < end:
            time.sleep(0.01)
        run('ip', 'link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far', 'netns', str(self.far.pid))
        run('ip', 'addr', 'add', NEAR + '/24', 'dev', 'near')
        run('ip', 'link', 'set', 'near', 'up')
        self.run_far('ip', 'link', 'set', 'lo', 'up')
        for address in FAR:
            self.run_far('ip', 'addr', 'add', address + '/24', 'dev', 'far')
        self.run_far('ip', 'link', 'set', 'far', 'up')
        self.write_certificate()
        self.spawn(self.at_far(sys.executable, HERE + '/far.py', self.events_file))
        self.wait(lambda: any(e['what'] == 'ready' for e in self.events()), 10, 'the far side')

    def at_far(self, *command):
        return ['nsenter', '-t', str(self.far.pid), '-n', *command]

    def run_far(self, *command):
        return run(*self.at_far(*command))

    def spawn(self, command, **options):
        with open(self.folder + '/children.log', 'ab') as log:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)
        self.children.append(child)
        return child

    def wait(self, is_true, seconds, what):
        end = time.monotonic() + seconds
        while not is_true():
            if time.monotonic() > end:
                raise RuntimeError('%s: not within %d s' % (what, seconds))
            time.sleep(0.1)

    def events(self):
        try:
            with open(self.events_file) as file:
                return [json.loads(line) for line in file if line.endswith('\n')]
        except FileNotFoundError:
            return []

    def write_certificate(self):
        with open(ROOT + '/test/support/certificate.ts') as file:
            text = file.read()
        for name, label in (('cert', 'CERTIFICATE'), ('key', 'PRIVATE KEY')):
            pem = re.search('-----BEGIN %s-----.*?-----END %s-----\n' % (label, label), text, re.S).group(0)
            path = '%s/%s.pem' % (self.folder, name)
            with open(path, 'w') as file:
                file.write(pem)
            os.chmod(path, 0o600)

    def start_postfix(self):
        """The instance of the measurements, at an address of the far side, with TLS, relaying to the host behind it."""
        env = dict(os.environ, RUN_DIR=self.folder + '/postfix', IN_PORT='25', SINK_PORT='2626', POSTFIX_EXTRA='\n'.join([
            'smtpd_tls_cert_file = %s/cert.pem' % self.folder, 'smtpd_tls_key_file = %s/key.pem' % self.folder,
            'smtp_line_length_limit = 0', 'local_header_rewrite_clients =', 'message_size_limit = 60000000']))
        os.makedirs(env['RUN_DIR'])
        with open(ROOT + '/test/bench/postfix/start') as file:
            start = file.read()
        for old, new in (('127.0.0.1:$IN_PORT', POSTFIX + ':$IN_PORT'), ('[127.0.0.1]', '[%s]' % POSTFIX), ('127.0.0.0/8', '192.0.2.0/24'),
                         ('inet_interfaces = 127.0.0.1', 'inet_interfaces = ' + POSTFIX), ('smtpd_tls_security_level = none', 'smtpd_tls_security_level = may')):
            start = start.replace(old, new)
        with open(self.folder + '/start-postfix', 'w') as file:
            file.write(start)
        self.spawn(self.at_far('bash', self.folder + '/start-postfix'), env=env)
        self.wait(self.postfix_greets, 60, 'Postfix')

    def postfix_greets(self):
        try:
            with smtplib.SMTP(POSTFIX, 25, timeout=5) as client:
                return client.noop()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    # ---- the relay ----
    def start_relay(self):
        config = self.folder + '/config'
        os.makedirs(config)
        os.makedirs(self.folder + '/spool', mode=0o700)
        with open(config + '/postilion.yaml', 'w') as file:
            file.write('\n'.join([
                'hostname: relay.test', 'processes: %s' % os.environ.get('PROCESSES', 'single'),
                'tls: {cert: %s/cert.pem, key: %s/key.pem}' % (self.folder, self.folder),
                'trusted_networks: [{network: 127.0.0.1, user: local}]', 'dns: {servers: ["192.0.2.53:53"]}', '']))
        with open(config + '/sending.yaml', 'w') as file:
            file.write('\n'.join([
                'streams:', '  default: {retry_delays: [1s]}', '  brief: {retry_delays: [1s], lifetime: 4s}',
                'users: {local: {}}', '']))
        self.cli('user', 'add', 'app', input=PASSWORD.encode() + b'\n')
        self.relay = self.spawn([NODE, MAIN, 'serve', '--config', config])
        self.wait(self.runs, 60, 'the relay')

    def runs(self):
        """By its own word: one of several processes may greet before control has its socket."""
        with open(self.folder + '/children.log', errors='replace') as file:
            log = file.read()
        if self.relay.poll() is not None:
            raise RuntimeError('the relay ended with %s: %s' % (self.relay.returncode, log[-800:]))
        return 'the relay is running' in log

    def cli(self, *words, check=True, **options):
        return run(NODE, MAIN, *words, '--config', self.folder + '/config', check=check, **options)

    def outcomes(self, ident):
        done = self.cli('message', 'show', '--json', ident, check=False)
        if done.returncode != 0:
            return None, []
        report = json.loads(done.stdout)
        return report['state'], [(o['index'], o['outcome']) for o in report['outcomes']]

    def settled(self, ident, seconds=25):
        end = time.monotonic() + seconds
        while True:
            state, outcomes = self.outcomes(ident)
            if state == 'settled' or time.monotonic() > end:
                return state, outcomes
            time.sleep(0.3)

    def close(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.kill()


def message(name):
    """Octets as an application has them: dots, 8-bit, a long line, empty lines at the end."""
    head = ('From: <app@sender.example>\r\nTo: <%s@mx.example>\r\nSubject: =?utf-8?q?end_to_end?=\r\n folded\r\nX-Mark: %s\r\n'
            'Message-ID: <%s@sender.example>\r\nDate: Tue, 24 Nov 2026 05:00:00 +0000\r\nMIME-Version: 1.0\r\n'
            'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n' % (name, name, name)).encode()
    lines = [b'.', b'..', b'. leading', b'...', b'From here', b'--', b'', b' spaces at the end  ', '\u00e4\u00f6\u00fc \u2603'.encode(),
             b'x' * 900, b'.last']
    return head + b'\r\n'.join(lines) + b'\r\n'


# ---- clients: each hands over `file` (CRLF) over STARTTLS or TLS, and raises when it was refused ----

def by_swaks(world, how, file, to):
    tls = ['--tls'] if how == 'starttls' else ['--tls-on-connect']
    return run('swaks', '--server', NEAR, '--port', str(PORTS[how]), *tls, '--auth', 'LOGIN' if how == 'tls' else 'PLAIN', '--auth-user', 'app',
               '--auth-password', PASSWORD, '--from', 'app@sender.example', '--to', to, '--data', '@' + file).stdout.decode(errors='replace')


def by_smtplib(world, how, file, to):
    context = ssl._create_unverified_context()
    client = smtplib.SMTP(NEAR, 587, timeout=20) if how == 'starttls' else smtplib.SMTP_SSL(NEAR, 465, context=context, timeout=20)
    with client:
        if how == 'starttls':
            client.starttls(context=context)
        client.login('app', PASSWORD)
        client.sendmail('app@sender.example', [to], open(file, 'rb').read(), mail_options=['BODY=8BITMIME'])


def by_nodemailer(world, how, file, to):
    run(NODE, HERE + '/nodemailer-send.mjs', NEAR, str(PORTS[how]), file, 'app@sender.example', to, env=dict(os.environ, PASSWORD=PASSWORD))


def by_msmtp(world, how, file, to):
    path = world.folder + '/msmtprc'
    with open(path, 'w') as config:
        config.write('\n'.join(['account default', 'host ' + NEAR, 'port %d' % PORTS[how], 'auth plain', 'user app', 'password ' + PASSWORD,
                                'tls on', 'tls_starttls ' + ('on' if how == 'starttls' else 'off'), 'tls_certcheck off', '']))
    os.chmod(path, 0o600)
    run('msmtp', '-C', path, '-f', 'app@sender.example', to, input=open(file, 'rb').read().replace(b'\r\n', b'\n'))


def by_curl(world, how, file, to):
    url = 'smtp://%s:587' % NEAR if how == 'starttls' else 'smtps://%s:465' % NEAR
    run('curl', '-sS', '--url', url, '--ssl-reqd', '-k', '--user', 'app:' + PASSWORD, '--mail-from', 'app@sender.example', '--mail-rcpt', to, '-T', file)


CLIENTS = {'swaks': by_swaks, 'smtplib': by_smtplib, 'nodemailer': by_nodemailer, 'msmtp': by_msmtp, 'curl': by_curl}


def submit_all(world):
    """Every client, both ways; then what arrived behind Postfix is what was handed over, behind two trace fields."""
    sent = {}
    for client, send in CLIENTS.items():
        for how in PORTS:
            name = '%s-%s' % (client, how)
            content = message(name)
            file = '%s/%s.eml' % (world.folder, name)
            with open(file, 'wb') as out:
                out.write(content.removesuffix(b'\r\n') if client == 'swaks' else content)  # swaks ends the last line itself
            try:
                send(world, how, file, name + '@mx.example')
                sent[name] = content
            except (RuntimeError, OSError, smtplib.SMTPException) as e:
                tell(name, False, 'not accepted: %s' % e)
    def arrived():
        found = {}
        for event in world.events():
            if event['what'] == 'message' and event['server'] == 'behind.example':
                content = base64.b64decode(event['content'])
                mark = re.search(rb'(?m)^X-Mark: (\S+)\r$', content)
                if mark:
                    found.setdefault(mark.group(1).decode(), []).append((event, content))
        return found
    end = time.monotonic() + 40
    while not set(sent) <= set(arrived()) and time.monotonic() < end:
        time.sleep(0.2)
    time.sleep(1)  # a second copy would be here by now
    found, ids = arrived(), {}
    for name, content in sent.items():
        copies = found.get(name, [])
        if len(copies) != 1:
            tell(name, False, '%d copies arrived' % len(copies))
            continue
        event, got = copies[0]
        trace = got[:-len(content)] if got.endswith(content) else None
        ident = trace and re.search(rb'by relay\.test with (\S+) id ([0-9a-z]{26});', trace)
        right = ident and trace.count(b'Received: ') == 2 and trace.startswith(b'Received: from relay.test') and ident.group(1) == b'ESMTPSA'
        over_tls = trace is not None and b'with ESMTPS' in trace
        tell(name, right and over_tls and event['paths'] == [name + '@mx.example'] and event['reverse'] == 'app@sender.example',
             'byte for byte' if right else 'arrived as %r' % got[:1200])
        if ident:
            ids[name] = ident.group(2).decode()
    once = {}
    for name, ident in ids.items():
        _, outcomes = world.settled(ident)
        once[name] = [o for _, o in outcomes if o in TERMINAL]
    wrong = {name: o for name, o in once.items() if o != ['delivered']}
    tell('delivered-once', ids and not wrong, wrong or '%d messages' % len(once))


def smtp_source(world):
    run('smtp-source', '-s', '3', '-m', '9', '-l', '3000', '-f', 'source@sender.example', '-t', 'source@mx.example', '127.0.0.1:587')
    def arrived():
        return [e for e in world.events() if e['what'] == 'message' and e['paths'] == ['source@mx.example']]
    end = time.monotonic() + 30
    while len(arrived()) < 9 and time.monotonic() < end:
        time.sleep(0.2)
    time.sleep(0.5)
    contents = [base64.b64decode(e['content']) for e in arrived()]
    bodies = {c.partition(b'\r\n\r\n')[2] for c in contents}
    tell('smtp-source', len(contents) == 9 and all(b'XXXX' in b for b in bodies), '%d messages arrived' % len(contents))


def hand_over(content, to):
    """Over STARTTLS; the reply to the final dot, which has the id."""
    with smtplib.SMTP(NEAR, 587, timeout=20) as client:
        client.starttls(context=ssl._create_unverified_context())
        client.login('app', PASSWORD)
        client.mail('app@sender.example')
        client.rcpt(to)
        code, reply = client.data(content)
        return code, reply.decode()


def by_reply(world):
    """One message each to domains whose servers defer, refuse, never take, and want none."""
    wants = {
        'shy.example': lambda o: o == ['deferred', 'delivered'],
        'bad.example': lambda o: o == ['failed'],
        'slow.example': lambda o: len(o) >= 2 and set(o[:-1]) == {'deferred'} and o[-1] == 'expired',
        'null.example': lambda o: o == ['failed'],
        'plain.example': lambda o: o == ['delivered'],
    }
    ids = {}
    for domain in wants:
        content = message(domain)
        if domain == 'slow.example':
            content = b'X-Postilion-Stream: brief\r\n' + content
        code, reply = hand_over(content, 'user@' + domain)
        found = re.search(r'\b[0-9a-z]{26}\b', reply)
        if code == 250 and found:
            ids[domain] = found.group(0)
        else:
            tell(domain, False, 'no id in the reply: %s %s' % (code, reply))
    for domain, ident in ids.items():
        state, outcomes = world.settled(ident)
        kinds = [o for _, o in outcomes]
        copies = [e for e in world.events() if e['what'] == 'message' and e['paths'] == ['user@' + domain]]
        enough = len(copies) == (1 if kinds[-1:] == ['delivered'] else 0)
        tell(domain, state == 'settled' and wants[domain](kinds) and enough, '%s %s, %d copies' % (state, kinds, len(copies)))


def refusals(world):
    base = ['swaks', '--server', NEAR, '--port', '587', '--from', 'app@sender.example', '--to', 'x@mx.example']
    done = run(*base, '--tls', '--auth', 'PLAIN', '--auth-user', 'app', '--auth-password', 'wrong', check=False)
    tell('wrong-password', b'<~* 535' in done.stdout or b'<~  535' in done.stdout or b'535 5.7.8' in done.stdout, done.stdout.decode()[-600:])
    done = run(*base, '--tls', check=False)
    tell('no-auth', b'530 5.7.0' in done.stdout, done.stdout.decode()[-600:])
    done = run(*base, '--auth', 'PLAIN', '--auth-user', 'app', '--auth-password', PASSWORD, check=False)
    tell('auth-without-tls', done.returncode != 0 and b'235' not in done.stdout, done.stdout.decode()[-600:])


def main():
    folder = tempfile.mkdtemp(prefix='postilion-e2e-', dir=os.environ.get('HARNESS_DISK'))
    world = World(folder)
    try:
        world.build()
        world.start_postfix()
        world.start_relay()
        tell('start', True)
        for part in (refusals, by_reply, submit_all, smtp_source):
            try:
                part(world)
            except (RuntimeError, OSError, subprocess.SubprocessError) as e:
                tell(part.__name__, False, e)
        world.relay.terminate()
        try:
            tell('stop', world.relay.wait(40) == 0, 'ended with %s' % world.relay.returncode)
        except subprocess.TimeoutExpired:
            tell('stop', False, 'still runs 40 s after SIGTERM')
    except (RuntimeError, OSError) as e:
        tell('start', False, e)
    finally:
        world.close()
        if os.environ.get('KEEP'):
            print(json.dumps(dict(step='kept', ok=True, detail=folder)))
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    main()
