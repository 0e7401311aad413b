# SPDX-License-Identifier: MIT
"""Names in /dev/shm, where everybody may make files: taken before a broker starts and while it restarts."""

import os
import shutil
import socket
import stat
import time
from contextlib import suppress

import segment
from opens import Opens
from proof import Readers
from tb import OTHER_READER_UID, READER_UID, STRANGER_UID, as_uid, fingerprint, wait_until

HUGE = 1 << 30  # bytes that a sparse file says it has
VICTIM = b"of somebody else\n"


def _fifo(path, _):
    os.mkfifo(path, 0o666)


def _symlink(path, victim):
    os.symlink(victim, path)


def _dangling(path, _):
    os.symlink("/nonexistent/tokenbroker", path)


def _directory(path, _):
    os.mkdir(path)


def _socket(path, _):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def _huge(path, _):
    with open(path, "wb") as file:
        file.truncate(HUGE)


def _everybodys(path, _):
    with open(path, "wb") as file:
        file.write(bytes(0x6000))
    os.chmod(path, 0o666)


KINDS = {"FIFO": _fifo, "symlink": _symlink, "dangling symlink": _dangling, "directory": _directory,
         "socket": _socket, "huge file": _huge, "file for all": _everybodys}


def make_all(names, victim):
    """One of each kind in turn; what they are, to be looked at later."""
    makers = list(KINDS.values())
    for number, name in enumerate(names):
        makers[number % len(makers)](name, victim)
    return [identity(name) for name in names]


def identity(path):
    """What a squatted name is; it stays so if nobody touches it."""
    status = os.lstat(path)
    return (status.st_ino, status.st_mode, status.st_uid, status.st_size, status.st_mtime_ns)


def untouched(names, before):
    return sum(os.path.lexists(name) and identity(name) == was for name, was in zip(names, before))


def remove(names):
    for name in names:
        if os.path.lexists(name):
            (shutil.rmtree if stat.S_ISDIR(os.lstat(name).st_mode) else os.unlink)(name)


def make_victim(world, uid=None):
    """A file of the broker's user (or of uid) that a symlink may lead to."""
    path = world.directory / "victim"
    path.write_bytes(VICTIM)
    path.chmod(0o600)
    world.give(path, uid)
    return path


def _squatted(run, count):
    # The run's own number: other tests squat at the same time.
    return [segment.SHM / f"tokenbroker.default.{os.getpid():08x}{run:02x}{number:06x}" for number in range(count)]


def _link_alias(world):
    """Another name of the live segment: what any user can make where fs.protected_hardlinks is 0."""
    alias = segment.SHM / f"tokenbroker.default.{os.getpid():08x}ffffffff"
    os.link(world.segment_path(), alias)
    return alias


def _watch(paths):
    """Opens of these paths, or None and why nobody can be told of them."""
    try:
        return Opens(paths), None
    except OSError as error:
        return None, f"fanotify: {error}"


def _tell_opens(under, opens, names, pids):
    """Of all processes the brokers' alone count: other tests look at what lies in /dev/shm, too."""
    by_brokers = sum(number for pid, number in opens.by_pid().items() if pid in pids)
    for name in names[:len(KINDS)]:
        with suppress(OSError):  # the dangling symlink, the socket
            os.close(os.open(name, os.O_RDONLY | os.O_NONBLOCK))
    under.none("  opened by a broker", by_brokers)
    under.each("  opens of our own that would have shown, of seven kinds", opens.by_pid()[os.getpid()], 5)
    opens.close()


def shared_memory(case, world, tries):
    """tries names of each kind; the broker starts among them, and is killed and starts again."""
    server = world.auth_server()
    victim = make_victim(world)
    names = _squatted(0, tries * len(KINDS))
    under = case.under("P11")
    try:
        before = as_uid(STRANGER_UID, make_all, names, victim)
        opens, why_not = _watch([*names, victim])
        began = time.monotonic()
        broker = world.ready_broker(server)
        pids = [broker.pid]
        start_ms = round((time.monotonic() - began) * 1000)
        readers = Readers(world)
        reader = readers.processes[0]
        alias = _link_alias(world)
        generation = world.segment().current().generation
        broker.kill()
        broker = world.broker().wait_ready()
        pids.append(broker.pid)
        broker.wait_token(lambda token: token["state"] == "valid")
        wait_until(lambda: not alias.exists(), 10, "the second name removed")
        same = world.cli("get", uid=READER_UID).status == 0 and server.requests() == 1
        same = same and world.segment().current().generation == generation
        under.row("names taken, of seven kinds", len(names), len(names) == tries * len(KINDS))
        under.at_most("  start among them, ms", start_ms, 10000)
        under.each("  left as they were", untouched(names, before), len(names))
        under.each("  the file that symlinks lead to is as it was", int(victim.read_bytes() == VICTIM), 1)
        if opens is None:
            under.skip(why_not)
        else:
            _tell_opens(under, opens, names, pids)
        under.each("a second name of the live segment: removed, the token lived on", int(same), 1)
        assert reader.is_running(), reader.err()
        readers.tell(under)
        under.each("the broker ended well", int(broker.stop() == 0), 1)
    finally:
        remove(names)
        remove([segment.SHM / f"tokenbroker.default.{os.getpid():08x}ffffffff"])


def _run_squats(world, count, victim):
    """Directories as `tokenbroker run` makes them, with a token that leads elsewhere."""
    names = [segment.SHM / f"tokenbroker-run.{os.getpid() % 100:02d}{number:04d}" for number in range(count)]
    def make():
        for name in names:
            os.mkdir(name, 0o755)
            os.symlink(victim, name / "token")
        return [identity(name) for name in names]
    return names, as_uid(STRANGER_UID, make)


def run_directories(case, world, tries):
    """What `tokenbroker run` sweeps behind dead runs must be its own user's."""
    world.ready_broker(world.auth_server(), readers=[str(READER_UID), str(OTHER_READER_UID)])
    victim = make_victim(world, READER_UID)
    names, before = _run_squats(world, tries, victim)
    under = case.under("P11")
    try:
        run = world.cli.start("run", "--", "sh", "-c", 'cat "$BEARER_TOKEN_FILE"; sleep 60', uid=READER_UID)
        wait_until(lambda: run.out() != "", 10, "the program that run starts")
        token = world.cli("get", uid=READER_UID).out.strip()
        places = [path / "token" for path in segment.SHM.glob("tokenbroker-run.*") if path.stat().st_uid == READER_UID]
        assert places, "run has made a directory"
        refused = sum(as_uid(uid, _cannot_read, place) for uid in (STRANGER_UID, OTHER_READER_UID) for place in places)
        under.each("directories of a stranger left as they were", untouched(names, before), tries)
        under.each("  the file that their symlinks lead to is as it was", int(victim.read_bytes() == VICTIM), 1)
        under.each("  run handed out the token all the same",
                   int(fingerprint(run.out().strip()) == fingerprint(token)), 1)
        case.under("P6").each("looks into the file of run by others refused", refused, 2 * len(places))
        run.terminate()
    finally:
        remove(names)


def _cannot_read(path):
    try:
        path.read_bytes()
    except PermissionError:
        return True
    return False
