# SPDX-License-Identifier: MIT
"""Suspended stays suspended: over kills and restarts, on disks that are full, read-only or missing."""

import os

import pytest

import segment
from filesystems import fill, remount, small_tmpfs
from tb import READER_UID, STRANGER_UID, fingerprint, wait_until
from test_hostile import make_socket, remove
from test_kill import Killer, start_next

SUSPENDED, CONFLICT = 6, 10


def markers(world):
    return sorted(path.name for path in world.state_dir.iterdir() if path.name != "filler")


def assert_suspended(world, server, requests):
    """For readers, for the status and for the token server."""
    assert world.cli("get", uid=world.reader_uid).status == SUSPENDED
    world.wait_token(lambda token: token["state"] == "suspended")
    assert world.cli("refresh", "default").status == CONFLICT
    assert server.requests() == requests


def assert_it_survives(world, server):
    """A kill, and a kill."""
    requests = server.requests()
    for _ in range(2):
        broker = start_next(world)
        assert_suspended(world, server, requests)
        assert broker.kill() == -9
        assert world.cli("get", uid=world.reader_uid).status == SUSPENDED


def test_suspended_stays_suspended_over_restarts_until_resumed(world, server, cli):
    broker = world.ready_broker(server)
    token = fingerprint(cli("get").out.strip())
    for _ in range(2):
        assert cli("suspend", "default").status == 0, "idempotent"
    assert_suspended(world, server, 1)
    wait_until(lambda: server.active() == set(), 10, "the revocation")
    assert len(markers(world)) == 1 and token in (world.state_dir / markers(world)[0]).read_text()
    assert broker.stop() == 0
    assert_it_survives(world, server)

    start_next(world)
    for _ in range(2):
        assert cli("resume", "default").status == 0
    result = cli("get", uid=world.reader_uid)
    assert result.status == 0 and fingerprint(result.out.strip()) != token
    assert markers(world) == []


@pytest.mark.needs_root
@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_a_suspension_that_cannot_be_written_holds_and_says_so(world, server, cli, trouble):
    with small_tmpfs(world, world.state_dir):
        broker = world.ready_broker(server)
        if trouble == "full":
            filler = fill(world.state_dir)
        else:
            remount(world.state_dir, "ro")
        result = cli("suspend", "default")
        assert result.status == 1 and "not survive" in result.err
        assert_suspended(world, server, 1)
        error = broker.wait_token(lambda token: token["last_error"] is not None)["last_error"]
        assert error["reason"] == "state_directory" and error["hint"]
        assert "state_directory" in cli("status").out
        assert cli("suspend", "default").status == 1, "said each time"

        if trouble == "full":
            filler.unlink()
        else:
            remount(world.state_dir, "rw")
        assert cli("suspend", "default").status == 0
        broker.wait_token(lambda token: token["failing_since"] is None)
        assert broker.kill() == -9
        assert_it_survives(world, server)


@pytest.mark.needs_root
def test_a_resume_that_cannot_be_written_does_nothing(world, server, cli):
    with small_tmpfs(world, world.state_dir):
        broker = world.ready_broker(server)
        assert cli("suspend", "default").status == 0
        remount(world.state_dir, "ro")
        result = cli("resume", "default")
        assert result.status == CONFLICT and result.err
        assert_suspended(world, server, 1)
        assert broker.kill() == -9
        assert_it_survives(world, server)
        remount(world.state_dir, "rw")
        start_next(world)
        assert cli("resume", "default").status == 0
        assert cli("get", uid=READER_UID).status == 0


@pytest.mark.needs_root
def test_a_missing_state_directory_means_suspended(world, server, cli):
    world.ready_broker(server).stop()
    world.state_dir.rmdir()
    broker = start_next(world)
    assert_suspended(world, server, 1)
    error = broker.token_status()["last_error"]
    assert error["reason"] == "state_directory" and error["hint"]
    assert cli("resume", "default").status == CONFLICT

    world.make_directory("state", 0o700)
    assert cli("resume", "default").status == 0
    assert cli("get", uid=READER_UID).status == 0


@pytest.mark.needs_root
@pytest.mark.parametrize("mode, uid", [(0o777, None), (0o770, None), (0o1777, None), (0o700, STRANGER_UID)])
def test_where_others_could_take_a_marker_away_no_broker_starts(world, server, cli, mode, uid):
    broker = world.ready_broker(server)
    assert cli("suspend", "default").status == 0
    broker.kill()
    world.state_dir.chmod(mode)
    world.give(world.state_dir, uid)
    broker = world.broker()
    assert broker.wait() == 1 and str(world.state_dir) in broker.err() and "0700" in broker.err()
    assert cli("get", uid=READER_UID).status == SUSPENDED
    world.state_dir.chmod(0o700)
    world.give(world.state_dir)
    start_next(world)
    assert_suspended(world, server, 1)


def make_unreadable(path):
    path.write_text("")
    path.chmod(0)


@pytest.mark.needs_root
@pytest.mark.parametrize("make", [
    lambda path: path.write_text(""), lambda path: path.write_text("rubbish\n" * 1000), os.mkdir,
    os.mkfifo, make_socket, lambda path: path.symlink_to("/dev/null"),
    lambda path: path.symlink_to("nowhere"), make_unreadable,
], ids=["empty", "rubbish", "a directory", "a FIFO", "a socket", "a symlink", "a dangling symlink",
        "unreadable"])
def test_whatever_stands_for_a_marker_means_suspended(world, server, cli, make):
    world.ready_broker(server).stop()
    path = world.state_dir / f"default.{segment.runtime_id(world.runtime_dir):016x}"
    make(path)
    os.chown(path, world.broker_uid, world.broker_uid, follow_symlinks=False)
    start_next(world)
    assert_suspended(world, server, 1)
    remove(path)
    assert cli("resume", "default").status == 0
    assert cli("get", uid=READER_UID).status == 0


@pytest.mark.needs_root
@pytest.mark.parametrize("point, times, is_marked", [
    ("suspend_marker_write", 1, False), ("fsync", 1, False), ("renameat", 1, False),
    ("fsync", 2, True),
])
def test_killed_in_a_suspension_nobody_was_told_that_it_holds(world, server, cli, point, times,
                                                              is_marked):
    broker = world.ready_broker(server)
    old = cli("get").out.strip().encode()
    within = None if point == "suspend_marker_write" else "suspend_marker_write"
    killer = Killer(world, broker, f"break {point}", times, within)
    suspension = cli.start("suspend", "default", "--wait", "5")
    killer.wait()
    assert suspension.wait(20) != 0 and suspension.err()
    assert cli("get", uid=READER_UID).status == SUSPENDED, "withdrawn before anything else"
    start_next(world)
    if is_marked:
        assert_suspended(world, server, 1)
    else:
        world.wait_token(lambda token: token["state"] == "valid")
        assert cli("get").out.strip().encode() != old, "what was withdrawn does not come back"
    assert cli("suspend", "default").status == 0
    assert_suspended(world, server, 1 if is_marked else 2)
    assert len(markers(world)) == 1, "nothing of the killed try is left"


@pytest.mark.needs_root
@pytest.mark.parametrize("point", ["suspend_marker_remove", "unlinkat"])
def test_killed_in_a_resume_it_is_still_suspended(world, server, cli, point):
    broker = world.ready_broker(server)
    assert cli("suspend", "default").status == 0
    wait_until(lambda: server.requests("revoke") == 1, 10, "the revocation")
    killer = Killer(world, broker, f"break {point}",
                    within=None if point == "suspend_marker_remove" else "suspend_marker_remove")
    resume = cli.start("resume", "default", "--wait", "5")
    killer.wait()
    assert resume.wait(20) != 0
    assert_it_survives(world, server)
