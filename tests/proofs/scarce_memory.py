# SPDX-License-Identifier: MIT
"""Memory that is used up: the file systems that segments lie on, and the broker's own."""

import os
import resource
import subprocess
import tempfile
import time
from contextlib import contextmanager

import control
import segment
from filesystems import fill, leave_room, small_tmpfs
from limits import limited, status_kib
from proof import Readers
from tb import OTHER_READER_UID, READER_UID, TOKEN_MAX, fingerprint, wait_until

ROOM = 64 * 1024  # for status.json, but not for a segment of the longest token
SIZE = "8m"  # a reader keeps up to 16 segments mapped that were replaced: their memory is not free yet
MIB = 1 << 20


@contextmanager
def own_shm(world, size):
    """Another /dev/shm, for this mount namespace; the world's directory stays where it is."""
    aside = tempfile.mkdtemp(prefix="tb-aside.")
    _mount("--bind", world.directory, aside)
    _mount("-t", "tmpfs", "-o", f"size={size},mode=1777", "tokenbroker-test", segment.SHM)
    world.directory.mkdir()
    _mount("--bind", aside, world.directory)
    try:
        yield segment.SHM
    finally:
        for path in (world.directory, segment.SHM, aside):
            subprocess.run(["umount", "--lazy", path], check=True)
        os.rmdir(aside)


def _mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)


def _configure(world, server, number, backing):
    """Each time other readers, so that another segment is needed."""
    readers = [str(READER_UID), str(OTHER_READER_UID)][:1 + number % 2]
    world.write_config({"default": world.token(server, readers=readers)}, backing=backing)


def _get(world):
    result = world.cli("get", uid=READER_UID)
    assert result.status == 0, result
    return fingerprint(result.out.strip())


def _order_refresh(world):
    wait_until(lambda: world.control(control.REFRESH).result == "accepted", 20, "a refresh")


def _fail_to_replace(world, server, broker, readers, place, number, backing):
    """A segment is due and there is no room. (whether the status says so, ms until it was there)"""
    readers.wait_followed(world.segment_path())  # else they would make room meanwhile
    filler = fill(place)
    leave_room(filler, ROOM)
    _configure(world, server, number, backing)
    broker.reload()
    error = broker.wait_token(lambda token: token["failing_since"] is not None)["last_error"]
    is_said = error["reason"] == "publish_failed" and "No space left" in error["message"] and bool(error["hint"])
    filler.unlink()
    freed = time.monotonic()
    broker.wait_token(lambda token: token["failing_since"] is None, timeout=60)
    return is_said, round((time.monotonic() - freed) * 1000)


def _refresh_in_place(world, place, tries):
    """With not a byte left: how many of tries changed what readers get."""
    filler = fill(place)
    changed = 0
    for _ in range(tries):
        before = _get(world)
        _order_refresh(world)
        changed += wait_until(lambda before=before: _get(world) != before, 20, "the next token")
    filler.unlink()
    return changed


def _fill_segments(case, world, place, backing, tries):
    server = world.auth_server()
    server.settings(token_length=TOKEN_MAX)
    _configure(world, server, 0, backing)
    broker = world.broker().wait_ready()
    before = _get(world)
    readers = Readers(world)
    outcomes = [_fail_to_replace(world, server, broker, readers, place, number + 1, backing)
                for number in range(tries)]
    logged = sum("failing: publish_failed" in line for line in broker.err_lines())
    kept = _get(world) == before and server.requests() == 1
    changed = _refresh_in_place(world, place, tries)
    case.each("segments that found no room, and came later", len(outcomes), tries)
    case.each("  the status said publish_failed with a hint", sum(is_said for is_said, _ in outcomes), tries)
    case.each("  one line in the log", logged, tries)
    case.at_most("  slowest recovery, ms", max(ms for _, ms in outcomes), 30000)
    case.row("  the token stayed, and was not fetched again", int(kept), kept)
    case.each("refreshes with not a byte left", changed, tries)
    readers.tell(case)
    case.each("the broker ended well", int(broker.stop() == 0), 1)


def tmpfs_full(case, world, tries):
    with small_tmpfs(world, world.runtime_dir, SIZE, "0755"):
        _fill_segments(case, world, world.runtime_dir, "directory", tries)


def shm_full(case, world, tries):
    with own_shm(world, SIZE) as place:
        _fill_segments(case, world, place, "shm", tries)


def _fetch_without_memory(world, broker, before):
    """(whether the status said why, ms until the next token was there)"""
    with limited(broker, resource.RLIMIT_AS, status_kib(broker.pid, "VmSize") * 1024):
        _order_refresh(world)
        token = broker.wait_token(lambda token: token["failing_since"] is not None)
        is_said = token["state"] == "valid" and "memory" in token["last_error"]["message"]
        is_said = is_said and _get(world) == before
    freed = time.monotonic()
    wait_until(lambda: _get(world) != before, 60, "the next token")
    return is_said, round((time.monotonic() - freed) * 1000)


def address_space_full(case, world, tries):
    """RLIMIT_AS: every request for pages fails. That of the heap's free blocks and of single pages that were kept does
    not, so the tokens are longer than a page."""
    server = world.auth_server()
    server.settings(token_length=TOKEN_MAX)
    broker = world.ready_broker(server)
    readers = Readers(world)
    outcomes = []
    for _ in range(tries):
        outcomes.append(_fetch_without_memory(world, broker, _get(world)))
        broker.wait_token(lambda token: token["failing_since"] is None)
    case.each("fetches that found no memory, and came later", len(outcomes), tries)
    case.each("  the status said so, readers kept the token", sum(is_said for is_said, _ in outcomes), tries)
    logged = sum("no memory" in line for line in broker.err_lines())
    case.each("  one line in the log", logged, tries)
    case.at_most("  slowest recovery, ms", max(ms for _, ms in outcomes), 30000)
    readers.tell(case)
    case.each("the broker ended well", int(broker.stop() == 0), 1)


def _start_with(world, limit_bytes):
    """A broker that may have so much: its exit status and messages, None for one that serves."""
    broker = world.process(["prlimit", f"--as={limit_bytes}", world.build / "tokenbrokerd", "--config",
                            world.config_path, "--runtime-dir", world.runtime_dir, "--state-dir",
                            world.state_dir], "small-broker", uid=world.broker_uid)
    wait_until(lambda: not broker.is_running() or (world.status() or {}).get("pid") == broker.pid, 20,
               f"a broker with {limit_bytes} bytes")
    status = None if broker.is_running() else broker.wait()
    if status is None:
        broker.terminate()
    return status, broker.err()


def starts_without_memory(case, world, tries):
    """From far too little to more than enough."""
    server = world.auth_server()
    first = world.ready_broker(server)
    enough = status_kib(first.pid, "VmPeak") * 1024 + MIB
    assert first.stop() == 0
    readers = Readers(world)
    ends = [_start_with(world, MIB + (enough - MIB) * number // (tries - 1)) for number in range(tries)]
    case.row("starts with too little memory", sum(status is not None for status, _ in ends))
    case.row("starts that served", sum(status is None for status, _ in ends), ends[-1][0] is None)
    case.none("crashes", sum(status is not None and status < 0 for status, _ in ends))
    case.none("failures without a message", sum(status not in (None, 0) and not text for status, text in ends))
    readers.tell(case)
