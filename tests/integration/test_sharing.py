# SPDX-License-Identifier: MIT
"""One token, many processes: everybody reads the same one, and nobody can disturb the others."""

import json
import os
import signal

import pytest

from tb import (BROKER_UID, OTHER_READER_UID, READER_UID, STRANGER_UID, as_uid, fingerprint, is_whole,
                wait_until)

SLICE_S = 5  # a sleeper looks for itself at least so often: segment.md section 4


def swarm(world, mode, *arguments, name="swarm"):
    process = world.process([world.build / "tests/support/swarm", mode, *map(str, arguments)], name)
    assert process.wait(120) == 0, process.err()
    return json.loads(process.out())


def start_verifier(world, seconds, uid=READER_UID, name="verifier"):
    return world.process([world.build / "tests/support/verify_reader", str(seconds)], name, uid=uid)


def verdict(process, timeout=60):
    assert process.wait(timeout) == 0, process.out() + process.err()
    return json.loads(process.out())


@pytest.mark.needs_root
def test_64_processes_of_two_users_share_one_token(world, server):
    broker = world.ready_broker(server, readers=[str(READER_UID), str(OTHER_READER_UID)])
    seen = swarm(world, "get", "--processes", 64, "--uid", f"{READER_UID},{OTHER_READER_UID}",
                 "--count", 1000)
    assert seen["results"]["open"] == {"ok": 64} and seen["results"]["get"] == {"ok": 64000}
    assert len(seen["tokens"]) == 1
    assert server.requests() == 1
    assert broker.is_running()


@pytest.mark.needs_root
def test_a_user_who_is_no_reader_is_refused(world, server, cli):
    world.ready_broker(server)
    result = cli("get", uid=STRANGER_UID)
    assert (result.status, result.out) == (7, "")
    seen = swarm(world, "get", "--processes", 2, "--uid", STRANGER_UID, "--count", 1)
    assert seen["results"]["open"] == {"EACCES": 2}


@pytest.mark.needs_root
def test_readers_can_neither_write_nor_stop_anything(world, server):
    broker = world.ready_broker(server, readers=[str(READER_UID), f"@{OTHER_READER_UID}"])
    path = str(world.segment_path())

    def attempts():
        refused = []
        for what, call in {
            "open": lambda: os.open(path, os.O_RDWR),
            "unlink": lambda: os.unlink(path),
            "chmod": lambda: os.chmod(path, 0o666),
            "truncate": lambda: os.truncate(path, 0),
            "link": lambda: os.unlink(world.runtime_dir / "tokens/default"),
            "status": lambda: os.open(world.runtime_dir / "status.json", os.O_WRONLY),
            "lock": lambda: os.open(world.runtime_dir / "lock", os.O_RDONLY),
            "kill": lambda: os.kill(broker.pid, signal.SIGTERM),
            "memory": lambda: os.open(f"/proc/{broker.pid}/mem", os.O_RDONLY),
            "secret": lambda: os.open(world.secrets_dir / "default", os.O_RDONLY),
        }.items():
            try:
                call()
            except PermissionError:
                refused.append(what)
        return refused

    everything = ["open", "unlink", "chmod", "truncate", "link", "status", "lock", "kill", "memory",
                  "secret"]
    for uid in (READER_UID, OTHER_READER_UID, STRANGER_UID):
        assert as_uid(uid, attempts) == everything
    assert as_uid(BROKER_UID, lambda: attempts_on_memory(broker.pid)) == "refused"
    assert broker.is_running()


def attempts_on_memory(pid):
    """Not even processes of the broker's own user may look into it: it is not dumpable."""
    try:
        os.close(os.open(f"/proc/{pid}/mem", os.O_RDONLY))
    except PermissionError:
        return "refused"
    return "opened"


@pytest.mark.needs_root
def test_a_reader_that_locks_the_segment_holds_nobody_up(world, server, cli):
    broker = world.ready_broker(server)
    holder = world.process(["flock", "--exclusive", world.segment_path(), "sleep", "60"], "holder",
                           uid=READER_UID)
    wait_until(lambda: "sleep" in command_lines(holder.pid), 10, "the lock")
    before = world.token_status()["generation"]
    wait_until(lambda: cli("refresh", "default").status == 0, 10, "a refresh")
    assert json.loads(cli("info", "--json", uid=READER_UID).out)["generation"] > before
    assert broker.stop() == 0


def command_lines(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        pids = children.read().split()
    lines = ""
    for child in pids:
        with open(f"/proc/{child}/cmdline", encoding="ascii") as line:
            lines += line.read()
    return lines


@pytest.mark.needs_root
def test_refreshes_under_readers_are_seen_whole_and_in_order(world, server):
    server.settings(expires_in=2)  # refreshed every second
    world.ready_broker(server, readers=[str(READER_UID), str(OTHER_READER_UID)])
    readers = [start_verifier(world, 5, uid, f"verifier-{uid}")
               for uid in (READER_UID, OTHER_READER_UID)]
    for reader in readers:
        seen = verdict(reader)
        assert seen["torn"] == 0 and seen["generation_went_back"] == 0
        assert seen["errors"] == {}, "every read saw the old token or the new one, never neither"
        assert seen["last_generation"] > seen["first_generation"]


@pytest.mark.needs_root
def test_waiters_wake_with_the_next_token(world, server, cli):
    server.settings(expires_in=4)
    world.ready_broker(server)
    seen = swarm(world, "wait", "--processes", 100, "--uid", READER_UID, "--count", 2)
    assert seen["results"]["wait"] == {"ok": 200}
    assert max(seen["after"]) > min(seen["before"])
    assert seen["spread_ms"] < SLICE_S * 1000


@pytest.mark.needs_root
def test_tokens_of_22_bytes_and_of_60_kib_fit_without_configuration(world, server, cli):
    server.settings(token_length=22)
    world.ready_broker(server)
    small = cli("get", uid=READER_UID).out.strip()
    assert len(small) == 22 and is_whole(small)
    first_segment = world.segment_path()

    reader = start_verifier(world, 4)
    server.settings(token_length=61440)
    wait_until(lambda: cli("refresh", "default").status == 0, 10, "a refresh")
    large = cli("get", uid=READER_UID).out.strip()
    assert len(large) == 61440 and is_whole(large)
    assert world.segment_path() != first_segment
    wait_until(lambda: not first_segment.exists(), 10, "the end of the small segment")

    server.settings(token_length=22)
    wait_until(lambda: cli("refresh", "default").status == 0, 10, "a refresh")
    again = cli("get", uid=READER_UID).out.strip()
    assert len(again) == 22 and fingerprint(again) != fingerprint(small)
    seen = verdict(reader)
    assert seen["torn"] == 0 and seen["errors"] == {} and seen["generation_went_back"] == 0


@pytest.mark.needs_root
def test_readers_by_group_and_supplementary_group(world, server):
    world.ready_broker(server, readers=["@20001"])

    def can_read(**identity):
        def look():
            try:
                os.close(os.open(world.segment_path(), os.O_RDONLY))
            except PermissionError:
                return False
            return True
        return as_uid(READER_UID, look, **identity)

    assert can_read(gid=20001)
    assert can_read(groups=[20001])
    assert not can_read()
