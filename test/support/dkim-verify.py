#!/usr/bin/python3
"""Verifies DKIM signatures with dkimpy (Debian's python3-dkim). Reads JSON lines {"message": base64, "keys": {name: record}}
from stdin, answers one JSON list of booleans a line: the verdict of each DKIM-Signature, first to last."""
import base64, json, sys
import dkim

for line in sys.stdin:
    case = json.loads(line)
    message = base64.b64decode(case['message'])
    keys = {name.encode(): record.encode() for name, record in case['keys'].items()}
    verdicts = []
    try:
        verifier = dkim.DKIM(message)
        count = sum(1 for name, _ in verifier.headers if name.lower() == b'dkim-signature')
        for index in range(count):
            try:
                verdicts.append(bool(dkim.DKIM(message).verify(idx=index, dnsfunc=lambda name, timeout=5: keys.get(name))))
            except dkim.DKIMException as error:
                verdicts.append(False)
    except dkim.DKIMException:
        pass
    print(json.dumps(verdicts), flush=True)
