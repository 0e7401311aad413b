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


ENTRIES = ("lock", "control.sock", "status.json", ".status.json.new", "tokens", "segments", "tokens/default",
           "tokens/.default.new")


def _hard_link(path, victim):
    os.link(victim, path)


def _device(path, _):
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))  # /dev/zero


def _plant(world, entry, make, victim):
    """make at entry, by a stranger where he may: while root has left the directory open. Its owner."""
    path = world.runtime_dir / entry
    remove([path])
    path.parent.chmod(0o777)
    try:
        as_root = make in (_hard_link, _device)
        (make if as_root else lambda *what: as_uid(STRANGER_UID, make, *what))(path, victim)
    finally:
        path.parent.chmod(0o755)


def _last_error(world):
    with suppress(OSError):  # something else stands in the place of status.json
        return (world.token_status() or {}).get("last_error") or {}
    return {}


def _start_over(world, server, entry, victim):
    """"served", "refused" (by name), "told" (no token, and the status says why), or what went wrong."""
    broker = world.broker()
    try:
        broker.wait_ready(10)
    except AssertionError:
        name = entry.rpartition("/")[2]
        return "refused" if broker.popen.poll() == 1 and name in broker.err() else f"{entry}: {broker.err()}"
    result = world.cli("get", uid=READER_UID, timeout=10)
    is_good = result.status == 0 and fingerprint(result.out.strip()) in server.active()
    is_kept = victim.read_bytes() == VICTIM and stat.S_IMODE(victim.stat().st_mode) == 0o600
    error = _last_error(world)
    is_told = result.status != 0 and result.out == "" and error.get("reason") == "publish_failed" and error["hint"]
    has_ended = broker.stop() == 0
    if not is_kept or not has_ended or not (is_good or is_told):
        return f"{entry}: {result} {error} {is_kept} {has_ended}"
    return "served" if is_good else "told"


def squatted_entries(case, world, kinds):
    """So many kinds of each entry of the runtime directory, then a start: it serves, or says what is in its way."""
    world.may_leave_segments = True
    server = world.auth_server()
    victim = make_victim(world)
    world.ready_broker(server).stop()
    makers = [*KINDS.values(), _hard_link, _device]
    outcomes = []
    for number, entry in enumerate(ENTRIES):
        for kind in range(kinds):
            _plant(world, entry, makers[(number + kind) % len(makers)], victim)
            outcomes.append(_start_over(world, server, entry, victim))
            remove([world.runtime_dir / entry])
            victim.chmod(0o600)
    served, refused, told = (outcomes.count(what) for what in ("served", "refused", "told"))
    wrong = [outcome for outcome in outcomes if outcome not in ("served", "refused", "told")]
    under = case.under("P10")
    under.row("things in the broker's places, left by root's mistake", len(outcomes),
              len(outcomes) == kinds * len(ENTRIES))
    under.row("  replaced, and a good token served", served, served > 0)
    under.row("  refused with the name", refused, refused > 0)
    under.row("  not replaced, which the status told with a hint", told)
    under.row("  anything else" + "".join(f"; {text}" for text in wrong[:3]), len(wrong), not wrong)


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
    for make in (*KINDS.values(), _hard_link, _device):
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
    under.each("kinds of things in a marker's place: suspended", odd, len(KINDS) + 2)
    under.each("state directories that others may write to: refused", refused, 3)
    under.each("  the token stayed suspended", int(world.cli("get", uid=READER_UID).status == SUSPENDED), 1)
