# SPDX-License-Identifier: MIT
"""A reader who wants more than to read: writes to segments and directories, locks, takes sleepers away."""

import ctypes
import fcntl
import hashlib
import json
import mmap
import os
import shutil
import sys
import time

import segment
from proof import Readers
from tb import BROKER_UID, OTHER_READER_UID, READER_UID, as_uid, wait_until

SLICE_S = 5  # segment-format.md: a sleeper looks for itself at least so often
SLEEPERS = 8
MADV_REMOVE, F_ADD_SEALS, SEAL_WRITE = 9, 1033, 8
WRITABLE = mmap.PROT_READ | mmap.PROT_WRITE
ACL = "system.posix_acl_access"

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mprotect.argtypes = _libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def _check(result):
    if result in (-1, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "refused")


def _map(fd, protection, then=None):
    address = _libc.mmap(None, ctypes.c_size_t(4096), protection, mmap.MAP_SHARED, fd, ctypes.c_long(0))
    _check(address)
    if then is not None:
        _check(then(address))


def _tries_on_file(path, fd):
    """Ways to change a file, by its path or by a descriptor that may read it."""
    return [
        lambda: os.close(os.open(path, os.O_RDWR)),
        lambda: os.close(os.open(path, os.O_WRONLY | os.O_APPEND)),
        lambda: os.close(os.open(f"/proc/self/fd/{fd}", os.O_RDWR)),
        lambda: _map(fd, WRITABLE),
        lambda: _map(fd, mmap.PROT_READ, lambda at: _libc.mprotect(at, 4096, WRITABLE)),
        lambda: _map(fd, mmap.PROT_READ, lambda at: _libc.madvise(at, 4096, MADV_REMOVE)),
        lambda: os.pwrite(fd, b"x", 0),
        lambda: os.ftruncate(fd, 4096),
        lambda: os.truncate(path, 4096),
        lambda: os.posix_fallocate(fd, 0, 1 << 16),
        lambda: os.chmod(path, 0o666),
        lambda: os.fchmod(fd, 0o666),
        lambda: os.utime(path),
        lambda: os.setxattr(path, ACL, os.getxattr(path, ACL)),
        lambda: os.removexattr(path, ACL),
        lambda: fcntl.fcntl(fd, F_ADD_SEALS, SEAL_WRITE),
        lambda: fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK),
        lambda: os.rename(path, f"{path}.moved"),
        lambda: os.link(path, f"{path}.link"),
        lambda: os.unlink(path),
    ]


def _tries_on_directory(directory):
    """Ways to put something else into the places of the broker."""
    taken = [path for path in directory.rglob("*") if path.name != "segments"]
    return [
        *(lambda path=path: path.unlink() for path in taken),
        *(lambda path=path: path.rename(path.with_name("moved")) for path in taken),
        *(lambda path=path: os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK)) for path in taken if path.is_file()),
        lambda: (directory / "mine").write_bytes(b""),
        lambda: (directory / "tokens/mine").symlink_to("/dev/shm/mine"),
        lambda: directory.rename(directory.with_name("moved")),
        lambda: directory.chmod(0o777),
    ]


def _succeeding(tries):
    """How many of them were not refused."""
    done = 0
    for attempt in tries:
        try:
            attempt()
            done += 1
        except OSError:
            pass
    return done, len(tries)


def _change(path, directory):
    fd = os.open(path, os.O_RDONLY)
    on_file, on_directory = _succeeding(_tries_on_file(path, fd)), _succeeding(_tries_on_directory(directory))
    return on_file, on_directory


def _whole(path):
    return hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mode, os.getxattr(path, ACL)


def _copy_for_its_owner(world):
    path = world.make_directory("copy", 0o700) / "segment"
    shutil.copy(world.segment_path(), path)
    world.give(path)
    os.setxattr(path, ACL, os.getxattr(world.segment_path(), ACL))
    return path


def writes(case, world, rounds):
    """Every way to change a segment or what leads to it; then the same on a copy by its owner."""
    broker = world.ready_broker(world.auth_server())
    readers = Readers(world)
    path = world.segment_path()
    before = _whole(path)
    tried = done = 0
    for _ in range(rounds):
        for made, number in as_uid(READER_UID, _change, path, world.runtime_dir):
            done, tried = done + made, tried + number
    under = case.under("P6")
    under.row("ways of a reader to change a segment or its names", tried, tried >= 30 * rounds)
    under.none("  that did something", done)
    under.each("  the segment is as it was", int(_whole(path) == before), 1)
    copy = _copy_for_its_owner(world)
    works, number = as_uid(BROKER_UID, lambda: _succeeding(_tries_on_file(copy, os.open(copy, os.O_RDONLY))))
    under.row(f"  of {number}, those that its owner can do to a copy", works, works >= 10)
    readers.tell(case.under("P13"))
    under.each("the broker ended well", int(broker.stop() == 0), 1)


# Takes each lock that it can get, and keeps it.
LOCK = """
import fcntl, os, struct, sys, time
held = 0
for path in sys.argv[1:]:
    for take in (lambda fd: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB),
                 lambda fd: fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB),
                 lambda fd: fcntl.fcntl(fd, 37, struct.pack("hhqqi", fcntl.F_RDLCK, 0, 0, 0, 0)),
                 lambda fd: fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK),
                 lambda fd: fcntl.fcntl(fd, fcntl.F_NOTIFY, fcntl.DN_MODIFY | fcntl.DN_CREATE | fcntl.DN_MULTISHOT)):
        try:
            take(os.open(path, os.O_RDONLY))
            held += 1
        except OSError:
            pass
print(held, flush=True)
import signal
signal.signal(signal.SIGIO, signal.SIG_IGN)
time.sleep(86400)
"""


def locks(case, world, rounds):
    """All locks that a reader can take on files of the broker, held over refreshes and a restart."""
    server = world.auth_server()
    both = [str(READER_UID), str(OTHER_READER_UID)]
    broker = world.ready_broker(server, readers=both, retry_min=1)
    paths = [world.segment_path(), world.runtime_dir, world.runtime_dir / "tokens", world.runtime_dir / "status.json",
             world.runtime_dir / "lock", world.runtime_dir / "control.sock", world.config_path]
    locker = world.process([sys.executable, "-c", LOCK, *paths], "locker", uid=OTHER_READER_UID)
    held = int(wait_until(lambda: locker.out().strip(), 10, "the locks"))
    readers = Readers(world)
    refreshed = 0
    for _ in range(rounds):
        before = world.segment().current().generation
        wait_until(lambda: world.cli("refresh", "default").status == 0, 20, "a refresh")
        refreshed += world.segment().current().generation > before
    broker.kill()
    broker = world.broker().wait_ready()
    same = world.cli("get", uid=READER_UID).status == 0
    assert locker.is_running()
    under = case.under("P13")
    under.row("locks, leases and watches that a reader holds", held, held >= 8)
    under.each("  refreshes meanwhile", refreshed, rounds)
    under.each("  a broker was killed and started", int(same), 1)
    readers.tell(under)
    under.each("the broker ended well", int(broker.stop() == 0), 1)


# Moves whoever sleeps on the segment's word to a word of its own, a thousand times a second.
THIEF = f"""
import ctypes, mmap, os, platform, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
fd = os.open(sys.argv[1], os.O_RDONLY)
def map_page(protection, flags, fd):
    return libc.mmap(None, ctypes.c_size_t(4096), protection, flags, fd, ctypes.c_long(0))
word = map_page(mmap.PROT_READ, mmap.MAP_SHARED, fd) + {segment.WAKE_OFFSET}
own = map_page(mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS, -1)
number = {{"x86_64": 202, "aarch64": 98}}[platform.machine()]
stolen, told = 0, 0
while True:
    taken = libc.syscall(number, ctypes.c_void_p(word), 3, 0, ctypes.c_void_p(1 << 20), ctypes.c_void_p(own), 0)
    stolen += max(taken, 0)
    if stolen > told:
        told = stolen
        print(stolen, flush=True)
    time.sleep(0.001)
"""


def _sleep_through(world, server):
    """Sleepers that wait for one token: (ms from its publish to the last one's end, what they were told)."""
    swarm = world.build / "tests/support/swarm"
    argv = [swarm, "wait", "--processes", str(SLEEPERS), "--uid", str(READER_UID), "--count", "1", "--timeout-ms",
            "30000"]
    sleepers = world.process(argv, "sleepers")
    wait_until(lambda: "ready" in sleepers.err(), 10, "sleepers")
    time.sleep(0.3)
    requests = server.requests()
    wait_until(lambda: world.cli("refresh", "default", "--wait", "0").status == 0, 20, "a refresh")
    server.wait_requests(requests + 1)
    began = time.monotonic()
    assert sleepers.wait(40) == 0, sleepers.err()
    return round((time.monotonic() - began) * 1000), json.loads(sleepers.out())["results"]["wait"]


def requeues(case, world, rounds):
    """FUTEX_REQUEUE by another reader: sleepers are not woken, and look for themselves."""
    server = world.auth_server()
    broker = world.ready_broker(server, readers=[str(READER_UID), str(OTHER_READER_UID)], retry_min=1)
    undisturbed_ms, _ = _sleep_through(world, server)
    thief = world.process([sys.executable, "-c", THIEF, world.segment_path()], "thief", uid=OTHER_READER_UID)
    outcomes = [_sleep_through(world, server) for _ in range(rounds)]
    stolen = int((thief.out().split() or ["0"])[-1])
    under = case.under("P13")
    under.row("sleepers that another reader took away", stolen, stolen >= SLEEPERS * rounds)
    under.each("  that got the next token", sum(told.get("ok", 0) for _, told in outcomes), SLEEPERS * rounds)
    under.at_most("  the last one after its publish, ms (a slice is 5 s)", max(ms for ms, _ in outcomes),
                  (SLICE_S + 2) * 1000)
    under.row("  undisturbed, ms", undisturbed_ms, undisturbed_ms < SLICE_S * 1000)
    under.each("the broker ended well", int(broker.stop() == 0), 1)
