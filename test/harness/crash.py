#!/usr/bin/env python3
"""Crash driver: hands mail to a relay whose sink is down, breaks it, starts it again, stops it, and compares its spool with what
the clients were told.

  crash.py MODE [--rounds N] [--processes single|split] …
    kill        SIGKILL of all its processes at one instant, N times
    kill-one    SIGKILL of one random process, N times; what it had accepted is visible again within 10 s
    stop        orderly stops under load, N times: exit status 0
    syscall     SIGKILL at the 1st, 2nd … Nth call of --syscall in a thread (--first, --step)
    inject      --syscall fails with --error every --every calls for N seconds; a relay that ends is started again
    slow-sync   one fdatasync takes 12 s: nothing is answered early, nothing dies, an alarm is raised
    full-disk   the spool on a file system of 48 MB that is filled and freed N times: 452 within 1 s, back within 5 s
    power-cut   N times two power cuts in a row, the second during or after the recovery from the first

Any relay: --start CMD (foreground; environment RUN_DIR, IN_PORT, SINK_PORT; its spool in RUN_DIR/spool) and --dump CMD (JSON
lines, fields as `postilion spool dump --json`). Exit status: 0 no violation, 1 violation, 2 usage, 3 the machine lacks something."""
import argparse
import json
import os
import random
import shutil
import socket
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import modes
from relay_process import CannotRun, Failed, Relay, free_port
from smtp_load import Ledger
from verdict import compare, compare_content, read_dump, run, show

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add('mode', choices=sorted(modes.MODES))
    add('--rounds', type=int, default=10)
    add('--processes', choices=['single', 'split'], default='single')
    add('--syscall', default='fdatasync')
    add('--first', type=int, default=1, help='syscall: the first call to kill at')
    add('--step', type=int, default=1, help='syscall: and how many later the next')
    add('--error', default='EIO')
    add('--every', default='6+9', help='strace\'s when=: first call to fail, + every how many after it')
    add('--fs', choices=['ext4', 'xfs', 'tmpfs'], default='ext4')
    add('--same-boot', action='store_true', help='power-cut: recovery sees the boot id of before, as after a storage rollback')
    add('--workers', type=int, default=4)
    add('--up', default='0.3,1.3', help='seconds between a start and the next fault')
    add('--abort', type=float, default=0.03, help='share of clients that die inside DATA')
    add('--seed', type=int, default=int(time.time()))
    add('--dir', help='work folder on a real disk, kept (default: a temporary one, removed)')
    add('--start', default=ROOT + '/test/bench/postilion/start')
    main = 'node %s/dist/src/app/main.js' % ROOT
    add('--dump', default='%s spool dump --json --config "$RUN_DIR/config"' % main)
    add('--export', default='%s spool export --config "$RUN_DIR/config"' % main, help='gets a folder; empty: contents are not compared')
    add('--verify', default='%s spool verify --config "$RUN_DIR/config"' % main, help='empty: not run')
    add('--show', default='%s message show --json --config "$RUN_DIR/config"' % main, help='gets an id; empty: not asked')
    add('--queue', default='%s queue --json --config "$RUN_DIR/config"' % main)
    options = parser.parse_args()
    own = '--start' in ' '.join(sys.argv)
    if own and not any(a.startswith('--export') for a in sys.argv):
        options.export = options.verify = options.show = ''
    return options


class Run:
    """What every mode has in common: a folder, a relay, a ledger, and the verdict at the end."""

    def __init__(self, options):
        self.options, self.rng, self.ledger, self.violations = options, random.Random(options.seed), Ledger(), []
        self.dir = options.dir or tempfile.mkdtemp(prefix='postilion-harness-', dir=os.environ.get('HARNESS_DISK'))
        os.makedirs(self.dir, exist_ok=True)
        self.sink_port = free_port()
        self.sink = socket.socket()  # bound and never listening: nothing else can take the port, every connection is refused
        self.sink.bind(('127.0.0.1', self.sink_port))
        self.facts = {}
        self.relay = self.new_relay()

    def new_relay(self):
        env = {'PROCESSES': self.options.processes, 'UV_THREADPOOL_SIZE': '1'}  # strace counts calls per thread
        return Relay(self.options.start, self.dir, free_port(), self.sink_port, env)

    def pause(self):
        low, high = map(float, self.options.up.split(','))
        time.sleep(self.rng.uniform(low, high))

    def judge(self, required=None):
        """Stops the relay as a service manager does and compares."""
        if not self.relay.alive():
            self.relay.kill()
            self.relay.start()
        status = self.relay.stop()
        if status != 0:
            self.violations.append(('STOP', '', 'an orderly stop ended with %s' % status))
        o = self.options
        dumped = read_dump(o.dump, self.relay.env)
        self.facts['dumped'] = len(dumped)
        self.violations += compare(self.ledger, dumped, required)
        if o.export:
            self.violations += compare_content(self.ledger, dumped, o.export, self.relay.env)
        if o.verify:
            status, out, err = run(o.verify, self.relay.env)
            if status != 0:
                self.violations.append(('VERIFY', '', 'ended with %d: %s' % (status, (err or out.decode(errors='replace')).strip()[-300:])))

    def close(self):
        self.relay.close()
        self.sink.close()


def main():
    options = arguments()
    work = Run(options)
    begun, code = time.monotonic(), 1
    try:
        if options.mode not in modes.OWN_FILE_SYSTEM:
            modes.small_spool(work)
        modes.MODES[options.mode](work)
        code = 1 if work.violations else 0
    except CannotRun as e:
        print('cannot run here:', e)
        code = 3
    except (Failed, ValueError) as e:
        work.violations.append(('FAILED', '', e))
    finally:
        try:
            work.close()
        finally:
            modes.clean_up(work)
    if code != 3:
        states = {s: work.ledger.count(s) for s in ('accepted', 'refused', 'unknown', 'aborted')}
        starts = work.relay.starts
        print(json.dumps(dict(mode=options.mode, processes=options.processes, seed=options.seed, **states, **work.facts,
                              slowest_start_s=round(max(starts, default=0), 2), seconds=round(time.monotonic() - begun, 1))))
        show(work.violations)
        if states['accepted'] == 0 and not work.violations:
            print('NOTHING was accepted: this run shows nothing')
            code = 1
        print('VERDICT', 'FAIL' if code else 'PASS')
    if code in (0, 3) and not options.dir:
        shutil.rmtree(work.dir, ignore_errors=True)
    elif code:
        print('kept:', work.dir)
    sys.exit(code)


if __name__ == '__main__':
    main()
