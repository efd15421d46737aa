// A report as somebody else's program reads it: Python's email package, which shares nothing with the relay.
import { equal } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

export interface ReadReport {
  readonly subject: string;
  readonly to: string;
  /** Every header field of the report itself. */
  readonly names: readonly string[];
  /** Of all parts, depth first. */
  readonly types: readonly string[];
  readonly encodings: readonly string[];
  /** Of the machine part: first of the message, then of each recipient. */
  readonly fields: readonly Readonly<Record<string, string>>[];
  /** The part for people. */
  readonly text: string;
  readonly defects: readonly string[];
}

const PROGRAM = `
import email, email.policy, json, sys
def walk(part):
    yield part
    if part.is_multipart() and not part.get_content_type().endswith('delivery-status'):
        for inner in part.get_payload():
            yield from walk(inner)
answers = []
for line in sys.stdin:
    m = email.message_from_bytes(bytes.fromhex(line), policy=email.policy.default)
    parts = list(walk(m))
    status = [p for p in parts if p.get_content_type() in ('message/delivery-status', 'message/global-delivery-status')]
    groups = []
    for p in status:
        if p.get_content_type() == 'message/delivery-status':
            groups += [dict((k, str(v)) for k, v in g.items()) for g in p.get_payload()]
        else:
            text = p.get_payload()[0].as_bytes().decode('utf8') if p.is_multipart() else p.get_payload(decode=True).decode('utf8')
            groups += [dict((k, v.strip()) for k, _, v in (l.partition(':') for l in g.replace('\\r\\n', '\\n').replace('\\n ', ' ').split('\\n') if l)) for g in text.replace('\\r\\n', '\\n').strip().split('\\n\\n')]
    text = next((p for p in parts if p.get_content_type() == 'text/plain'), None)
    answers.append(dict(
        subject=str(m['Subject']), to=str(m['To']), names=list(m.keys()),
        types=[p.get_content_type() for p in parts], encodings=[str(p['Content-Transfer-Encoding'] or '') for p in parts],
        fields=groups, text='' if text is None else text.get_content(),
        defects=[repr(d) for p in parts for d in p.defects]))
print(json.dumps(answers))
`;

export function readReports(octets: readonly Buffer[]): readonly ReadReport[] {
  const input = octets.map((one) => `${one.toString('hex')}\n`).join('');
  const done = spawnSync('python3', ['-c', PROGRAM], { input, maxBuffer: 1 << 28 });
  equal(done.status, 0, done.stderr.toString());
  return JSON.parse(done.stdout.toString()) as ReadReport[];
}

export function readReport(octets: Buffer): ReadReport {
  const [report] = readReports([octets]);
  if (report === undefined) throw new Error('nothing read');
  return report;
}
