#!/usr/bin/env python3
"""Bad networks between the relay and a receiver that takes everything: lost packets, resets, a thin line, a link that goes away.
Every message arrives with its octets, and more than once only as often as an outcome says that it may have been delivered.

  unshare -n -m -p -f --mount-proc --kill-child python3 weather.py

Ends every process it began. Prints one JSON line per step: {"step", "ok", "detail"}."""
import base64
import collections
import http.client
import json
import os
import re
import shutil
import socket
import tempfile
import threading
import time

from world import NEAR, PASSWORD, TERMINAL, World, message, run, tell

import smtplib
import ssl

MESSAGES = 20
SETTLED_WITHIN_S = 240
CHAIN = 'add table ip weather; add chain ip weather in { type filter hook input priority 0; };'


class Control(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('localhost', timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def outcomes(world, ident):
    """Of a message that waits no more; None while it does, or is not known yet."""
    control = Control(world.folder + '/run/control.sock')
    try:
        control.request('GET', '/v1/messages/' + ident)
        reply = control.getresponse()
        report = json.loads(reply.read())
        waits = reply.status != 200 or (report.get('queued') or {}).get('waiting') or not report['outcomes']
        return None if waits else report['outcomes']
    finally:
        control.close()


def rule(world, text):
    return lambda: world.run_far('nft', CHAIN + ' add rule ip weather in ' + text)


def no_rules(world):
    """Raises when the rule hit nothing: then nothing was shown."""
    def end():
        listed = world.run_far('nft', 'list table ip weather').stdout.decode()
        world.run_far('nft', 'delete table ip weather')
        if not re.search(r'packets [1-9]', listed):
            raise RuntimeError('no packet was touched: ' + listed)
    return end


def weathers(world):
    """Name → what begins it, what ends it."""
    def away():
        def back():
            time.sleep(4)
            run('ip', 'link', 'set', 'near', 'up')
        run('ip', 'link', 'set', 'near', 'down')
        threading.Thread(target=back).start()
    thin = 'tc qdisc add dev near root tbf rate 256kbit burst 4kb latency 2s'.split()
    return {
        'loss': (rule(world, 'meta l4proto tcp numgen random mod 100 < 30 counter drop'), no_rules(world)),
        'resets': (rule(world, 'tcp dport 25 numgen random mod 100 < 15 counter reject with tcp reset'), no_rules(world)),
        'thin': (lambda: run(*thin), lambda: run('tc', 'qdisc', 'del', 'dev', 'near', 'root')),
        'away': (away, lambda: None),
    }


def submit(world, name):
    """Over one connection to this host itself, which has no weather; message ids by mark."""
    ids = {}
    with smtplib.SMTP(NEAR, 587, timeout=60) as client:
        client.starttls(context=ssl._create_unverified_context())
        client.login('app', PASSWORD)
        for n in range(MESSAGES):
            mark = '%s-%d' % (name, n)
            client.mail('app@sender.example')
            client.rcpt('%s@plain.example' % mark)
            code, reply = client.data(message(mark))
            found = re.search(r'\b[0-9a-z]{26}\b', reply.decode())
            if code != 250 or not found:
                raise RuntimeError('answered %d %s' % (code, reply))
            ids[mark] = found.group(0)
    return ids


def copies(world):
    """Contents that arrived, by mark."""
    found = collections.defaultdict(list)
    for event in world.events():
        if event['what'] == 'message':
            content = base64.b64decode(event['content'])
            mark = re.search(rb'(?m)^X-Mark: (\S+)\r$', content)
            found[mark.group(1).decode() if mark else ''].append(content)
    return found


def play(world, name, begin, end):
    begin()
    try:
        ids, ends = submit(world, name), {}
        limit = time.monotonic() + SETTLED_WITHIN_S
        while len(ends) < len(ids) and time.monotonic() < limit:
            for mark, ident in ids.items():
                if mark not in ends:
                    told = outcomes(world, ident)
                    if told is not None:
                        ends[mark] = told
            time.sleep(0.2)
    finally:
        end()
    arrived, wrong = copies(world), []
    for mark in ids:
        told = ends.get(mark, [])
        unsure = sum(1 for one in told if one.get('mayHaveBeenDelivered'))
        if [one['outcome'] for one in told if one['outcome'] in TERMINAL] != ['delivered']:
            wrong.append('%s ended as %s' % (mark, told[-1:]))
        if not 1 <= len(arrived[mark]) <= 1 + unsure:
            wrong.append('%s arrived %d times, %d outcomes were unsure' % (mark, len(arrived[mark]), unsure))
        if any(not content.endswith(message(mark)) for content in arrived[mark]):
            wrong.append('%s arrived damaged' % mark)
    tries = sum(len(told) for told in ends.values())
    tell(name, not wrong, wrong[:5] or '%d messages, %d outcomes, %d copies' % (len(ids), tries, sum(len(arrived[m]) for m in ids)))


def main():
    folder = tempfile.mkdtemp(prefix='postilion-weather-', dir=os.environ.get('HARNESS_DISK'))
    world = World(folder)
    try:
        world.build()
        world.start_relay()
        for name, (begin, end) in weathers(world).items():
            try:
                play(world, name, begin, end)
            except (RuntimeError, OSError, smtplib.SMTPException) as e:
                tell(name, False, e)
        world.relay.terminate()
        tell('stop', world.relay.wait(40) == 0, 'ended with %s' % world.relay.returncode)
    except (RuntimeError, OSError) as e:
        tell('start', False, e)
    finally:
        world.close()
        shutil.rmtree(folder, ignore_errors=True)


main()
