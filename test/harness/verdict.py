"""Compares what clients were told with what the stopped relay has: every message answered 250 is there, with its envelope and
its bytes, once; nothing else is. The sink is down during the whole run, so nothing may have left."""
import hashlib
import json
import os
import re
import shlex
import subprocess
import tempfile

from smtp_load import SENDER, simple_body_hash

TERMINAL = {'delivered', 'failed', 'expired', 'suppressed', 'cancelled', 'unknown'}


def run(command, env):
    done = subprocess.run(['bash', '-c', command], env=env, capture_output=True, timeout=300)
    return done.returncode, done.stdout, done.stderr.decode(errors='replace')


def read_dump(command, env):
    """Lines of `postilion spool dump --json`."""
    status, out, err = run(command, env)
    if status != 0:
        raise ValueError('spool dump ended with %d: %s' % (status, err.strip()[-400:]))
    return [json.loads(line) for line in out.decode().splitlines() if line.strip()]


def addresses(value):
    """forward_paths as plain addresses, whether they are given bare or as records."""
    return [one if isinstance(one, str) else one.get('mailbox') for one in value]


def compare(ledger, dumped, required=None):
    """`required`: names of the messages that must be there (default: all accepted). Returns a list of violations."""
    by_hash, by_id = {}, {}
    for name, m in ledger.messages.items():
        by_hash[m['body_hash']] = name
        if m.get('id'):
            by_id[m['id']] = name
    if required is None:
        required = {name for name, m in ledger.messages.items() if m['state'] == 'accepted'}
    found, wrong = {}, []
    for row in dumped:
        name = by_hash.get(row['body_sha256'])
        if name is None:
            known = by_id.get(row['id'])
            wrong.append(('DAMAGED', known, 'body differs') if known else ('ALIEN', row['id'], 'nobody sent this'))
            if known:
                found[known] = row
            continue
        m = ledger.messages[name]
        if name in found:
            wrong.append(('TWICE', name, 'stands in the spool as %s and %s' % (found[name]['id'], row['id'])))
        found[name] = row
        if m['state'] not in ('accepted', 'unknown'):
            wrong.append(('PHANTOM', name, 'the client saw it %s (%s)' % (m['state'], m.get('reply', 'no reply'))))
        if m.get('id') and m['id'] != row['id']:
            wrong.append(('OTHER-ID', name, 'answered as %s, kept as %s' % (m['id'], row['id'])))
        if row['reverse_path'] != SENDER or addresses(row['forward_paths']) != m['paths']:
            wrong.append(('ENVELOPE', name, '%s -> %s' % (row['reverse_path'], row['forward_paths'])))
        if row.get('state') in TERMINAL:
            wrong.append(('SETTLED', name, '%s, while nothing could be delivered' % row['state']))
    for name in sorted(required - set(found)):
        wrong.append(('LOST', name, 'answered %s' % ledger.messages[name].get('reply')))
    return wrong


def compare_content(ledger, dumped, command, env):
    """Octets of every message as `postilion spool export` writes them: one ID.eml each. Body byte for byte, X-Rel-Id, sha256."""
    names = {m['body_hash']: name for name, m in ledger.messages.items()}
    wrong = []
    with tempfile.TemporaryDirectory() as above:
        folder = above + '/exported'
        status, _, err = run('%s %s' % (command, shlex.quote(folder)), env)
        if status != 0:
            return [('EXPORT', '', 'ended with %d: %s' % (status, err.strip()[-300:]))]
        for row in dumped:
            name = names.get(row['body_sha256'])
            try:
                with open(os.path.join(folder, row['id'] + '.eml'), 'rb') as file:
                    content = file.read()
            except OSError as e:
                wrong.append(('EXPORT', name, str(e)))
                continue
            head, _, body = content.partition(b'\r\n\r\n')
            mark = re.findall(rb'(?im)^X-Rel-Id: ([^\r\n]+)', head)
            if hashlib.sha256(content).hexdigest() != row['sha256'] or len(content) != row['size']:
                wrong.append(('DAMAGED', name, 'the content is not what the record says'))
            if name and (mark != [name.encode()] or hashlib.sha256(body).hexdigest() != ledger.messages[name]['body_sha']):
                wrong.append(('DAMAGED', name, 'the content is not what was sent'))
            if simple_body_hash(body) != row['body_sha256']:
                wrong.append(('DAMAGED', name, 'body_sha256 is not of this body'))
    return wrong


def show(violations, limit=5):
    kinds = {}
    for kind, *rest in violations:
        kinds.setdefault(kind, []).append(rest)
    for kind, rows in kinds.items():
        print('%s x%d' % (kind, len(rows)))
        for row in rows[:limit]:
            print('   ', *row)
