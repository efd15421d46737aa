"""The faults of the crash driver, one function each: they break the relay, then let `work.judge()` compare."""
import json
import os
import shlex
import shutil
import subprocess
import time
import uuid

from block_log import BlockLog
from relay_process import CannotRun, Failed, shell
from smtp_load import Client, Load
from verdict import run

SEEN_WITHIN_S = 10
STRACE = 'strace -f -qq -o /dev/null -e trace=%s -e signal=none -e inject=%s'


def load_of(work, prefix='m', **options):
    o = work.options
    return Load(work.relay.port, work.ledger, o.seed, **dict(dict(workers=o.workers, prefix=prefix, abort_p=o.abort), **options))


def need(*programs):
    missing = [p for p in programs if shutil.which(p) is None]
    if missing:
        raise CannotRun('no ' + ', '.join(missing))


def kill(work):
    work.relay.start()
    load = load_of(work).start()
    for _ in range(work.options.rounds):
        work.pause()
        work.relay.kill()
        time.sleep(work.rng.choice([0, 0, 0.2]))
        work.relay.start()
    work.pause()
    work.relay.kill()
    load.stop()
    work.relay.start()
    work.judge()


def stop(work):
    work.relay.start()
    load = load_of(work).start()
    for n in range(work.options.rounds):
        work.pause()
        status = work.relay.stop()
        if status != 0:
            work.violations.append(('STOP', n, 'an orderly stop ended with %s' % status))
        work.relay.start()
    load.stop()
    work.judge()


def kill_one(work):
    work.relay.start()
    load = load_of(work).start()
    killed = []
    for _ in range(work.options.rounds):
        work.pause()
        what = work.relay.kill_one(work.rng)
        at = time.monotonic()
        if what is None:
            continue
        killed.append(what)
        time.sleep(0.05)
        if not work.relay.alive():  # it was the only one
            work.relay.kill()
            work.relay.start()
        elif work.options.show:
            _wait_visible(work, at)
        end = time.monotonic() + 20
        while not work.relay.greets():
            if time.monotonic() > end:
                raise Failed('no greeting within 20 s after the death of one process: ' + what)
            time.sleep(0.05)
    load.stop()
    work.facts['killed'] = sorted(set(killed))
    work.judge()


def _wait_visible(work, killed_at):
    """The last messages accepted before a process died are shown within 10 s."""
    recent = sorted((m['at'], m['id']) for _, m in work.ledger.with_state('accepted') if m.get('id') and m['at'] <= killed_at)[-3:]
    for _, ident in recent:
        while True:
            status, _, err = run('%s %s' % (work.options.show, ident), work.relay.env)
            if status == 0:
                break
            if time.monotonic() - killed_at > SEEN_WITHIN_S:
                work.violations.append(('INVISIBLE', ident, '%d s after one process died: %s' % (SEEN_WITHIN_S, err.strip()[-200:])))
                break
            time.sleep(0.2)
    work.facts['visible_s'] = max(work.facts.get('visible_s', 0), round(time.monotonic() - killed_at, 1))


def syscall(work):
    need('strace')
    o = work.options
    load = load_of(work).start()
    for n in range(o.first, o.first + o.rounds * o.step, o.step):
        inject = STRACE % (o.syscall, '%s:signal=KILL:when=%d' % (o.syscall, n))
        # in split mode every child that is started anew is killed at its Nth call, too: it may never come to a greeting
        work.relay.start(inject, wait=12, must=False)
        end = time.monotonic() + (6 if o.processes == 'single' else 3)
        while work.relay.alive() and time.monotonic() < end:
            time.sleep(0.02)
        work.relay.kill()
    load.stop()
    work.relay.start()
    work.judge()


def inject(work):
    need('strace')
    o = work.options
    wrap = STRACE % (o.syscall, '%s:error=%s:when=%s' % (o.syscall, o.error, o.every))
    load = load_of(work, think=0.01).start()
    work.relay.start(wrap)
    ends, end = 0, time.monotonic() + o.rounds
    while time.monotonic() < end:
        time.sleep(0.1)
        if not work.relay.alive():
            ends += 1
            work.relay.kill()
            time.sleep(0.2)
            work.relay.start(wrap)
    work.relay.kill()
    load.stop()
    work.facts.update(ended=ends, refusals=load.refusals)
    work.relay.start()
    work.judge()


def slow_sync(work):
    """One fdatasync of a thread is held back for 12 s. The first 20 belong to start and warm-up."""
    need('strace')
    held = 12
    wrap = STRACE % ('fdatasync', 'fdatasync:delay_enter=%d:when=20' % (held * 1000000))
    if not work.relay.start(wrap):
        raise Failed('ended before its greeting; see ' + work.relay.log)
    first = set(work.relay.pids())
    # one client: each message is one sync, so one of them meets the held one
    load = load_of(work, workers=1, abort_p=0, sizes=[2000], think=0.05).start()
    begun, slowest, refused, alarm = time.monotonic(), 0.0, False, False
    while time.monotonic() - begun < held + 14 and not (slowest > held - 1 and alarm):
        time.sleep(0.5)
        times = sorted(m['at'] for _, m in work.ledger.with_state('accepted'))
        slowest = max([b - a for a, b in zip(times, times[1:])], default=0)
        pending = work.ledger.count('unknown')
        if pending and times and time.monotonic() - times[-1] > 3 and not refused:
            refused = _mail_reply(work.relay.port) == 451
        if not alarm and work.options.show:
            status, out, _ = run(work.options.queue, work.relay.env)
            alarm = status == 0 and any(a['alarm'] == 'slow-sync' for a in json.loads(out).get('alarms', []))
    load.stop()
    if slowest < held - 1:
        work.violations.append(('EARLY', '', 'no message waited for the slow sync (slowest %.1f s)' % slowest))
    if work.options.show and not refused:
        work.violations.append(('NOT-REFUSED', '', 'MAIL was not answered 451 while a sync took longer than 3 s'))
    if work.options.show and not alarm:
        work.violations.append(('NO-ALARM', '', 'a sync of %d s raised no alarm' % held))
    if not work.relay.alive() or not first <= set(work.relay.pids()):
        work.violations.append(('DIED', '', 'a slow sync ended a process'))
    work.facts['slowest_reply_s'] = round(slowest, 1)
    work.relay.kill()
    work.relay.start()
    work.judge()


def _mail_reply(port):
    try:
        client = Client(port, timeout=5)
        client.hello()
        code, _ = client.command('MAIL FROM:<probe@app.test>')
        client.close()
        return code
    except (OSError, ValueError):
        return 0


OWN_FILE_SYSTEM = ('full-disk', 'power-cut')


def mount(work, what, options=''):
    """On RUN_DIR/spool. `clean_up` takes it away whatever happens."""
    spool = work.dir + '/spool'
    os.makedirs(spool, exist_ok=True)
    shell('mount %s %s %s' % (options, what, spool))
    work.mounts = getattr(work, 'mounts', []) + [spool]
    shutil.rmtree(spool + '/lost+found', ignore_errors=True)


def unmount(work):
    spool = work.mounts.pop()
    for _ in range(50):
        if subprocess.call(['umount', spool], stderr=subprocess.DEVNULL) == 0:
            return
        time.sleep(0.1)
    shell('umount -l ' + spool)


def clean_up(work):
    while getattr(work, 'mounts', []):
        unmount(work)
    for log in getattr(work, 'logs', []):
        log.close()
    if getattr(work, 'memory', None):
        shutil.rmtree(work.memory, ignore_errors=True)


def memory_folder(work):
    work.memory = '/dev/shm/postilion-harness-%d' % os.getpid()
    os.makedirs(work.memory)
    return work.memory


def need_root():
    if os.geteuid() != 0:
        raise CannotRun('needs root')


def make_fs(fs, device):
    if fs == 'xfs':
        need('mkfs.xfs')
        return shell('mkfs.xfs -q -f -K ' + device)
    return shell('mkfs.ext4 -q -F -m 0 -E nodiscard,lazy_itable_init=0 ' + device)


def small_spool(work):
    """A file system of 1 GB for the spool where that can be had: reserves scale with it, so that runs stay light."""
    image = work.dir + '/spool.img'
    try:
        need_root()
        shell('truncate -s 1G ' + image)
        make_fs('ext4', image)
        mount(work, image, '-o loop')
    except CannotRun:
        pass
    os.chmod(work.dir + '/spool', 0o700)


def full_disk(work):
    need_root()
    size = 320 if work.options.fs == 'xfs' else 48
    if work.options.fs == 'tmpfs':
        mount(work, 'tmpfs', '-t tmpfs -o size=%dM' % size)
    else:
        image = memory_folder(work) + '/disk.img'
        shell('truncate -s %dM %s' % (size, image))
        make_fs(work.options.fs, image)
        mount(work, image, '-o loop')
    work.relay.start()
    # slow and small: the sink is down, and the load must not fill the disk by itself
    load = load_of(work, workers=2, think=0.08, sizes=[0, 500, 2000], abort_p=0.01).start()
    filler, full_s, back_s = work.dir + '/spool/.filler', 0.0, 0.0
    for n in range(work.options.rounds):
        work.pause()
        subprocess.call('dd if=/dev/zero of=%s bs=64k 2>/dev/null; dd if=/dev/zero of=%s bs=1k conv=notrunc oflag=append 2>/dev/null'
                        % (filler, filler), shell=True)
        filled = time.monotonic()
        time.sleep(1.5)
        late = [m for _, m in work.ledger.with_state('accepted') if m['at'] > filled + 1]
        refused = [code for at, code in load.refused_at if at > filled and code == 452]
        if late and not refused:
            work.violations.append(('FULL', n, '%d messages accepted later than 1 s after the disk was full, no 452' % len(late)))
        first = [at - filled for at, code in load.refused_at if at > filled and code == 452]
        full_s = max(full_s, min(first, default=9))
        if not first or min(first) > 1:
            work.violations.append(('FULL', n, 'no 452 within 1 s of a full disk (%s)' % (first[:1] or load.refusals)))
        if not work.relay.alive():
            work.violations.append(('DIED', n, 'on a full disk'))
            work.relay.kill()
            os.unlink(filler)
            work.relay.start()
            continue
        before, freed = work.ledger.count('accepted'), time.monotonic()
        os.unlink(filler)
        while work.ledger.count('accepted') <= before and time.monotonic() - freed < 15:
            time.sleep(0.02)
        back = time.monotonic() - freed
        back_s = max(back_s, back)
        if back > 5:
            work.violations.append(('STUCK', n, 'accepts again only %.1f s after space came back' % back))
    load.stop()
    work.facts.update(refusals=load.refusals, full_s=round(full_s, 2), back_s=round(back_s, 2))
    work.judge()


def power_cut(work):
    need_root()
    need('qemu-storage-daemon', 'losetup', 'unshare')
    o, folder = work.options, memory_folder(work)
    size = 320 if o.fs == 'xfs' else 96
    blank, first, second = folder + '/blank.img', folder + '/first.img', folder + '/second.img'
    shell('truncate -s %dM %s' % (size, blank))
    make_fs(o.fs, blank)
    acked = {}

    def phase(name, image, before, wrap, seconds, prefix):
        """Runs the relay on `image`, logged, and kills it. Returns the log, closed, its positions at mount, greeting and end."""
        log = BlockLog(image, folder, name)
        work.logs = getattr(work, 'logs', []) + [log]
        mount(work, log.loop)
        os.chmod(work.dir + '/spool', 0o700)
        shell('sync -f %s/spool' % work.dir)
        mounted = log.position()
        work.relay.start(wrap)
        greeted = log.position()
        load = load_of(work, prefix, think=0.01, workers=3, on_accept=lambda m: acked.__setitem__(m, (name, log.position())) or {}).start()
        time.sleep(seconds)
        end = log.position()
        load.stopping.set()
        work.relay.kill()
        load.stop()
        unmount(work)
        log.close()
        log.position()
        return log, mounted, greeted, end

    rows = []
    for n in range(o.rounds):
        work.ledger.messages.clear()
        acked.clear()
        shell('cp --sparse=always %s %s' % (blank, first))
        log, _, greeted, end = phase('a%d' % n, first, blank, None, work.rng.uniform(0.6, 2.0), 'a%d-' % n)
        early = [position for _, position in acked.values()]
        p1 = work.rng.randint(min([*early, end], default=greeted), end)
        log.cut(blank, p1, work.rng, second)
        shell('cp --sparse=always %s %s' % (second, first))
        # the relay recovers on the cut disk, which is logged again; half of the second cuts fall into the recovery
        again, mounted2, greeted2, end2 = phase('b%d' % n, first, second, new_boot(work, folder), work.rng.uniform(0.3, 1.2), 'b%d-' % n)
        p2 = work.rng.randint(*((mounted2, greeted2) if n % 2 == 0 else (greeted2, end2)))
        again.cut(second, p2, work.rng, folder + '/third.img')
        loop = shell('losetup -f --show %s/third.img' % folder)
        try:
            try:
                mount(work, loop)
            except CannotRun as e:
                raise Failed('the file system of the second cut does not mount: %s' % e) from e
            os.chmod(work.dir + '/spool', 0o700)
            required = {m for m, (which, position) in acked.items() if position <= (p1 if which.startswith('a') else p2)}
            work.relay.start(new_boot(work, folder))
            work.judge(required)
            rows.append(dict(cut=p1, of=end, second=p2, recovery=n % 2 == 0, due=len(required), found=work.facts['dumped']))
            unmount(work)
        finally:
            if getattr(work, 'mounts', []):
                work.relay.kill()
                unmount(work)
            subprocess.call(['losetup', '-d', loop])
        for file in os.listdir(folder):
            if file.endswith(('.log', '.export')):
                os.unlink('%s/%s' % (folder, file))
    work.facts['due'] = sum(r['due'] for r in rows)
    for row in rows:
        print('  ', json.dumps(row))


def new_boot(work, folder):
    """A power cut changes the boot id, which a library may look at; storage rolled back below a running machine does not."""
    if work.options.same_boot:
        return None
    path = '%s/boot-%s' % (folder, uuid.UUID(int=work.rng.getrandbits(128)))
    with open(path, 'w') as file:
        file.write(path[-36:] + '\n')
    return 'unshare -m bash -c %s --' % shlex.quote('mount --bind %s /proc/sys/kernel/random/boot_id && exec "$@"' % path)


MODES = {'kill': kill, 'kill-one': kill_one, 'stop': stop, 'syscall': syscall, 'inject': inject, 'slow-sync': slow_sync,
         'full-disk': full_disk, 'power-cut': power_cut}
