"""A disk that remembers every write and every flush, and can be rebuilt as it would look after a power cut at any of them.

An image in memory is exported by qemu-storage-daemon through its blklogwrites driver (the log format of dm-log-writes) as a
FUSE file, which carries a loop device: no device-mapper needed. Needs root, FUSE, losetup, qemu-storage-daemon."""
import mmap
import os
import shutil
import struct
import subprocess
import threading
import time

from relay_process import CannotRun, shell

FLUSH, DISCARD = 1, 4
LOG_OCTETS = 2 << 30  # sparse


class BlockLog:
    def __init__(self, image, folder, name):
        """`image`: the disk to log the writes to; written in place."""
        self.image, self.base = image, '%s/%s' % (folder, name)
        self.log, self.export = self.base + '.log', self.base + '.export'
        shell('truncate -s %d %s && touch %s' % (LOG_OCTETS, self.log, self.export))
        self.loop = None
        self.daemon = subprocess.Popen(
            ['qemu-storage-daemon', '--blockdev', 'driver=file,node-name=disk,filename=' + image,
             '--blockdev', 'driver=file,node-name=log,filename=' + self.log,
             '--blockdev', 'driver=blklogwrites,node-name=logged,file=disk,log=log',
             '--export', 'type=fuse,id=e,node-name=logged,mountpoint=%s,writable=on' % self.export],
            stdout=open(self.base + '.out', 'w'), stderr=subprocess.STDOUT)
        for _ in range(200):
            if os.path.getsize(self.export):
                break
            if self.daemon.poll() is not None:
                raise CannotRun('qemu-storage-daemon: ' + open(self.base + '.out').read().strip()[-300:])
            time.sleep(0.05)
        self.file = open(self.log, 'rb')
        self.map = mmap.mmap(self.file.fileno(), 0, prot=mmap.PROT_READ)
        self.entries, self.offset, self.sector, self.lock = [], None, 512, threading.Lock()
        try:
            self.loop = shell('losetup -f --show ' + self.export)
        except CannotRun:
            self.close()
            raise

    def position(self):
        """Entries so far."""
        with self.lock:
            if self.offset is None:
                magic, _, _, sector = struct.unpack_from('<QQQI', self.map, 0)
                if magic != 0x6a736677736872:
                    return 0
                self.sector = sector or 512
                self.offset = self.sector
            while True:
                first, count, flags, _ = struct.unpack_from('<QQQQ', self.map, self.offset)
                if not (count or flags):
                    return len(self.entries)
                self.entries.append((first, count, flags, self.offset + self.sector))
                self.offset += self.sector + (0 if flags & DISCARD else count * self.sector)

    def close(self):
        if self.loop:
            subprocess.call(['losetup', '-d', self.loop])
            self.loop = None
        if self.daemon.poll() is None:
            self.daemon.terminate()
        self.daemon.wait()

    def cut(self, before, count, rng, target):
        """Writes to `target` the disk after a power cut when the first `count` entries had been issued: the image `before` the log,
        every write up to the last flush, and of the later ones some whole, some torn, some not at all."""
        flushed = max([i + 1 for i in range(count) if self.entries[i][2] & FLUSH], default=0)
        shutil.copyfile(before, target)
        with open(target, 'r+b') as disk:
            for i in range(flushed):
                self._apply(disk, i)
            for i in range(flushed, count):
                chance = rng.random()
                if chance < 0.5:
                    self._apply(disk, i)
                elif chance < 0.6 and self.entries[i][1] > 1:
                    self._apply(disk, i, rng.randrange(1, self.entries[i][1]))

    def _apply(self, disk, i, sectors=None):
        first, count, flags, offset = self.entries[i]
        if flags & DISCARD or not count:
            return
        disk.seek(first * self.sector)
        disk.write(self.map[offset:offset + (sectors or count) * self.sector])
