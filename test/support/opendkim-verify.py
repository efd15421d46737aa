#!/usr/bin/python3
"""Verifies DKIM signatures with OpenDKIM's library (Debian's opendkim-tools bring it), as opendkim-testmsg does, but with
keys from a file instead of DNS. Reads JSON lines {"message": base64, "keys": {name: record}} from stdin, answers one
JSON list of booleans a line: the verdict of each DKIM-Signature, first to last."""
import base64, ctypes, json, sys, tempfile

SETOPT, QUERYMETHOD, QUERYINFO, QUERY_FILE, PASSED, OK = 1, 6, 7, 1, 4, 0
BODY_HASH_MATCHES = 0

lib = ctypes.CDLL('libopendkim.so.11')
for name in ('dkim_init', 'dkim_verify'):
    getattr(lib, name).restype = ctypes.c_void_p


def verdicts(message, keys):
    handle = ctypes.c_void_p(lib.dkim_init(None, None))
    method = ctypes.c_int(QUERY_FILE)
    path = keys.encode()
    assert lib.dkim_options(handle, SETOPT, QUERYMETHOD, ctypes.byref(method), ctypes.sizeof(method)) == OK
    assert lib.dkim_options(handle, SETOPT, QUERYINFO, path, len(path) + 1) == OK
    status = ctypes.c_int()
    dkim = ctypes.c_void_p(lib.dkim_verify(handle, b'job', None, ctypes.byref(status)))
    try:
        if lib.dkim_chunk(dkim, message, ctypes.c_size_t(len(message))) != OK:
            return []
        lib.dkim_chunk(dkim, None, ctypes.c_size_t(0))
        lib.dkim_eom(dkim, None)
        signatures, count = ctypes.POINTER(ctypes.c_void_p)(), ctypes.c_int()
        if lib.dkim_getsiglist(dkim, ctypes.byref(signatures), ctypes.byref(count)) != OK:
            return []
        found = []
        for at in range(count.value):
            signature = ctypes.c_void_p(signatures[at])
            lib.dkim_sig_process(dkim, signature)
            found.append(
                bool(lib.dkim_sig_getflags(signature) & PASSED)
                and lib.dkim_sig_getbh(signature) == BODY_HASH_MATCHES
            )
        return found
    finally:
        lib.dkim_free(dkim)
        lib.dkim_close(handle)


if len(sys.argv) == 1:
    for line in sys.stdin:
        case = json.loads(line)
        with tempfile.NamedTemporaryFile('w') as keys:
            keys.write(''.join(f'{name.rstrip(".")} {record}\n' for name, record in case['keys'].items()))
            keys.flush()
            print(json.dumps(verdicts(base64.b64decode(case['message']), keys.name)), flush=True)
