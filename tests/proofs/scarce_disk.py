# SPDX-License-Identifier: MIT
"""The disk of the state directory full or read-only: a suspension holds all the same, and says what it lacks."""

import filesystems
from proof import Readers
from tb import READER_UID, wait_until

NOT_DURABLE, SUSPENDED = 1, 6


def _fill(path):
    filler = filesystems.fill(path)
    return filler.unlink


def _make_read_only(path):
    filesystems.remount(path, "ro")
    return lambda: filesystems.remount(path, "rw")


def _is_suspended(world):
    return world.cli("get", uid=READER_UID).status == SUSPENDED


def _suspend_without_disk(world, broker, take_away):
    """What happened, in the order of ROWS, each a bool."""
    give_back = take_away(world.state_dir)
    first = world.cli("suspend", "default")
    error = broker.wait_token(lambda token: token["failing_since"] is not None)["last_error"]
    seen = [first.status == NOT_DURABLE and "not survive" in first.err, _is_suspended(world),
            error["reason"] == "state_directory" and bool(error["hint"])]
    give_back()
    seen.append(world.cli("suspend", "default").status == 0)
    broker.kill()
    broker = world.broker().wait_ready()
    world.wait_status(lambda status: status["pid"] == broker.pid)
    seen.append(_is_suspended(world) and world.token_status()["state"] == "suspended")
    seen.append(world.cli("resume", "default").status == 0 and world.cli("get", uid=READER_UID).status == 0)
    return broker, seen


ROWS = ["suspensions that were answered: will not survive", "  readers had none at once",
        "  the status said state_directory with a hint", "  durable at once with the disk back",
        "  held over a SIGKILL and a restart", "  ended by a resume"]


def _refuse_to_resume(world, tries):
    """A marker that cannot be removed keeps the token suspended."""
    assert world.cli("suspend", "default").status == 0
    give_back = _make_read_only(world.state_dir)
    refused = sum(world.cli("resume", "default").status != 0 and _is_suspended(world) for _ in range(tries))
    give_back()
    assert world.cli("resume", "default").status == 0
    return refused


def _refresh_without_disk(world, broker, take_away):
    """What needs no disk goes on: nothing but suspensions writes there."""
    give_back = take_away(world.state_dir)
    readers = Readers(world)
    before = broker.token_status()["generation"]
    wait_until(lambda: world.cli("refresh", "default").status == 0, 10, "a refresh")
    is_refreshed = broker.token_status()["generation"] > before
    give_back()
    return is_refreshed, readers


def state_directory(case, world, tries):
    server = world.auth_server()
    with filesystems.small_tmpfs(world, world.state_dir):
        broker = world.ready_broker(server)
        seen = []
        for number in range(tries):
            for take_away in (_fill, _make_read_only):
                broker, row = _suspend_without_disk(world, broker, take_away)
                seen.append(row)
        for what, column in zip(ROWS, zip(*seen, strict=True), strict=True):
            case.each(what, sum(column), 2 * tries)
        case.each("resumes refused on a read-only disk", _refuse_to_resume(world, tries), tries)
        is_refreshed, readers = _refresh_without_disk(world, broker, _make_read_only)
        case.each("refreshes with a read-only disk", int(is_refreshed), 1)
        readers.tell(case)
        case.each("the broker ended well", int(broker.stop() == 0), 1)
