# SPDX-License-Identifier: MIT
"""The directories of the broker: taken by a stranger, or left open by root for a while, with something in
each place where the broker looks; and the markers of suspensions."""

import os
import stat
from contextlib import suppress

import segment
from attack_names import KINDS, VICTIM, identity, make_victim, remove
from http_server import HTTP_UID
from tb import BROKER_UID, READER_UID, STRANGER_UID, as_uid, fingerprint

SUSPENDED = 6


def _open_directory(path, _):
    os.mkdir(path)
    os.chmod(path, 0o777)


def _get(world, **env):
    """A reader's exit status and what it got, with variables in the place of the world's."""
    unset = ["-u", "TOKENBROKER_RUNTIME_DIR", "-u", "XDG_RUNTIME_DIR"]
    pairs = [f"{name}={value}" for name, value in env.items()]
    process = world.process(["env", *unset, *pairs, world.build / "tokenbroker", "get"], "reader", uid=READER_UID)
    return process.wait(10), process.out()


def _refuses(world, path):
    """A broker that is to use path ends with a message that names it; readers get nothing either."""
    broker = world.broker("--runtime-dir", str(path))
    is_refused = broker.wait(10) == 1 and str(path) in broker.err()
    status, out = _get(world, TOKENBROKER_RUNTIME_DIR=path)
    return is_refused, status != 0 and out == ""


def squatted_directories(case, world, _):
    """What stands where the runtime directory should be, in a directory that everybody may write to."""
    world.write_config({"default": world.token(world.auth_server())})
    victim = make_victim(world)
    kinds = {**KINDS, "open directory": _open_directory}
    parent = world.make_directory("open", 0o777)
    outcomes, untouched = [], 0
    for make in kinds.values():
        path = parent / "run"
        as_uid(STRANGER_UID, make, path, victim)
        before = identity(path)
        outcomes.append(_refuses(world, path))
        untouched += identity(path) == before and (not path.is_dir() or os.listdir(path) == [])
        remove([path])
    under = case.under("P10")
    under.row("kinds of squatted runtime directories", len(outcomes), len(outcomes) == 8)
    under.each("  refused by the broker, by name", sum(refused for refused, _ in outcomes), 8)
    under.each("  nothing written", untouched, 8)
    under.each("  refused by readers", sum(refused for _, refused in outcomes), 8)
    case.under("P11").each("the file that symlinks lead to is as it was", int(victim.read_bytes() == VICTIM), 1)
    _others_directory_of_a_user(under, world, parent)
    _open_to_others(under, world)


def _others_directory_of_a_user(under, world, parent):
    """A whole forged directory as $XDG_RUNTIME_DIR/tokenbroker: a copy of a real one, of a stranger."""
    server = world.auth_server()
    broker = world.ready_broker(server)
    target = world.directory / "forged"
    target.write_bytes(world.segment_path().read_bytes())
    os.chown(target, STRANGER_UID, STRANGER_UID)

    def forge():
        os.makedirs(parent / "tokenbroker/tokens")
        os.symlink(target, parent / "tokenbroker/tokens/default")
    as_uid(STRANGER_UID, forge)
    status, out = _get(world, XDG_RUNTIME_DIR=parent)
    under.each("a stranger's directory in XDG_RUNTIME_DIR is not believed", int(status == 3 and out == ""), 1)
    under.each("the broker ended well", int(broker.stop() == 0), 1)


def _open_to_others(under, world):
    """Root's mistake: others may write to the runtime directory, or to what is in it."""
    refused = tries = 0
    for path in (world.runtime_dir, world.runtime_dir / "tokens"):
        for mode in (0o777, 0o775, 0o1777, 0o757):
            path.chmod(mode)
            broker = world.broker()
            refused += broker.wait(10) == 1 and str(path) in broker.err() and "0755" in broker.err()
            tries += 1
            path.chmod(0o755)
    under.each("directories that others may write to: refused by the broker", refused, tries)
    world.runtime_dir.chmod(0o775)
    status, out = _get(world, TOKENBROKER_RUNTIME_DIR=world.runtime_dir)
    world.runtime_dir.chmod(0o755)
    under.each("  refused by readers", int(status == 1 and out == ""), 1)


def _hard_link(path, victim):
    os.link(victim, path)


def _device(path, _):
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))  # /dev/zero


KINDS_OF_ROOT = {"hard link": _hard_link, "device": _device}
ALL_KINDS = {**KINDS, **KINDS_OF_ROOT}

# What comes of each kind in each place (design.md section 3), and of those kinds of which something else does.
# served: replaced, or nothing that is looked at: a good token, a status and answers to commands as ever. refused: no
# start, and a message with the name. told: no token, and the status says why. logged: served, but the status stays
# as it was, and the log says so.
EXPECTED = {
    "lock": ("refused", {"hard link": "served"}),  # to a regular file of the broker's user, which a lock is
    "control.sock": ("served", {"directory": "refused"}),  # removed by who holds the lock; a directory cannot be
    "status.json": ("served", {"directory": "logged"}),
    ".status.json.new": ("served", {"directory": "logged"}),
    "tokens": ("refused", {}),  # not a directory of the broker's user
    "segments": ("served", {}),  # with backing = shm it is looked for, not needed
    "tokens/default": ("served", {"directory": "told"}),
    "tokens/.default.new": ("served", {"directory": "told"}),
}


def _plant(world, entry, make, victim):
    """make at entry, by a stranger where he may: while root has left the directory open. Its owner."""
    path = world.runtime_dir / entry
    remove([path])
    if path.parent.name == "tokens":
        remove([path.parent / "default"])  # so that the link has to be made
    path.parent.chmod(0o777)
    try:
        as_root = make in KINDS_OF_ROOT.values()
        (make if as_root else lambda *what: as_uid(STRANGER_UID, make, *what))(path, victim)
    finally:
        path.parent.chmod(0o755)


def _status_of(broker):
    """What status.json says, if this broker has written it."""
    with suppress(OSError):  # something else stands in its place
        status = broker.status()
        return status if status and status["pid"] == broker.pid else None
    return None


def _start_over(world, server, entry, victim):
    """"served", "refused", "told", "logged", or what went wrong."""
    broker = world.broker()
    try:
        broker.wait_ready(10)
    except AssertionError:
        broker.end()
        is_named = f"/{entry}: " in broker.err() or f" {entry}" in broker.err()
        return "refused" if broker.popen.poll() == 1 and is_named else f"{entry}: {broker.err()}"
    result = world.cli("get", uid=READER_UID, timeout=10)
    is_good = result.status == 0 and fingerprint(result.out.strip()) in server.active()
    is_heard = world.cli("reject", "default", "1", uid=READER_UID, timeout=10).status == 0
    is_kept = victim.read_bytes() == VICTIM and stat.S_IMODE(victim.stat().st_mode) == 0o600
    status = _status_of(broker)
    error = status["tokens"][0]["last_error"] or {} if status else {}
    is_logged = status is None and "error: status.json cannot be written: " in broker.err()
    has_ended = broker.stop() == 0
    if is_kept and has_ended and is_good and is_heard:
        if status or is_logged:
            return "served" if status else "logged"
    if is_kept and has_ended and result.status != 0 and result.out == "":
        if error.get("reason") == "publish_failed" and error["hint"]:
            return "told"
    return f"{entry}: {result} {error} {is_good} {is_heard} {is_kept} {has_ended}"


def squatted_entries(case, world, _):
    """Each kind in each entry of the runtime directory, then a start: what comes of it is in a table."""
    world.may_leave_segments = True
    server = world.auth_server()
    victim = make_victim(world)
    world.ready_broker(server).stop()
    under = case.under("P10")
    for entry, (mostly, but) in EXPECTED.items():
        odd = []
        for kind, make in ALL_KINDS.items():
            _plant(world, entry, make, victim)
            outcome = _start_over(world, server, entry, victim)
            if outcome != but.get(kind, mostly):
                odd.append(f"; {kind}: {outcome}")
            remove([world.runtime_dir / entry])
            victim.chmod(0o600)
        text = "".join(f", {kind}: {outcome}" for kind, outcome in but.items()) + "".join(odd)
        under.each(f"{entry}, of nine kinds: {mostly}{text}", len(ALL_KINDS) - len(odd), 9)


def _try_markers(state_dir, name):
    """How often somebody could list, make or take away a marker."""
    def may(function, *arguments):
        try:
            function(*arguments)
            return 1
        except PermissionError:
            return 0
    return (may(os.listdir, state_dir) + may(os.unlink, state_dir / name) + may(os.mkfifo, state_dir / name)
            + may(os.rename, state_dir, state_dir.with_name("moved")))


def markers(case, world, tries):
    """A suspension: others try to end it; then what stands for its marker, and directories open to others."""
    server = world.auth_server()
    broker = world.ready_broker(server)
    victim = make_victim(world)
    assert world.cli("suspend", "default").status == 0
    name = f"default.{segment.runtime_id(world.runtime_dir):016x}"
    uids = (READER_UID, STRANGER_UID, HTTP_UID)
    done = sum(as_uid(uid, _try_markers, world.state_dir, name) for uid in uids for _ in range(tries))
    under = case.under("P17")
    under.row("tries of others to list, take away, make a marker", 4 * len(uids) * tries, done == 0)
    under.none("  that did something", done)
    broker.kill()
    odd = refused = 0
    for make in ALL_KINDS.values():
        remove([world.state_dir / name])
        make(world.state_dir / name, victim)
        broker = world.broker().wait_ready(10)
        odd += world.cli("get", uid=READER_UID, timeout=10).status == SUSPENDED and server.requests() == 1
        broker.kill()
    remove([world.state_dir / name])
    for mode, uid in ((0o777, BROKER_UID), (0o770, BROKER_UID), (0o700, STRANGER_UID)):
        world.state_dir.chmod(mode)
        world.give(world.state_dir, uid)
        broker = world.broker()
        refused += broker.wait(10) == 1 and str(world.state_dir) in broker.err()
    under.each("kinds of things in a marker's place: suspended", odd, len(ALL_KINDS))
    under.each("state directories that others may write to: refused", refused, 3)
    under.each("  the token stayed suspended", int(world.cli("get", uid=READER_UID).status == SUSPENDED), 1)
