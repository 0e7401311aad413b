# SPDX-License-Identifier: MIT
"""Limits of control groups, as a container or a unit of systemd sets them: memory and processes."""

import time

import cgroups
import control
from proof import Readers
from tb import READER_UID, TOKEN_MAX, fingerprint, wait_until

ROOM = 64 * 1024  # bytes that are left when more is wanted
MORE = 20  # tokens with a segment of the longest


def is_available(case, controller):
    """Where there are no control groups that says so, and tries nothing."""
    if cgroups.is_available(controller):
        return True
    case.skip(f"no control groups for {controller} here")
    return False


def _get(world):
    result = world.cli("get", uid=READER_UID)
    return fingerprint(result.out.strip()) if result.status == 0 else None


def _configure(world, server, more):
    tokens = {"default": world.token(server)}
    for number in range(more):
        tokens[f"more-{number}"] = world.token(server, f"more-{number}")
    world.write_config(tokens)


def _grow_until_killed(world, server):
    """A broker whose group has no memory for what it is told to do: (whether the kernel killed it, it was the token
    that readers had before and have still)"""
    _configure(world, server, 0)
    broker = world.broker().wait_ready()
    broker.wait_token(lambda token: token["state"] == "valid")
    before = _get(world)
    with cgroups.cgroup("memory") as group:
        group.add(broker.pid)
        group.limit(group.use() + ROOM)
        _configure(world, server, MORE)
        broker.reload()
        status = broker.wait(30)
    kept = before is not None and _get(world) == before
    broker.end()
    return status == -9, kept


def _go_on(world, server):
    """The next broker: whether it serves all, and of what was left the token that readers had."""
    before = _get(world)
    broker = world.broker().wait_ready()
    broker.wait_status(lambda status: status["pid"] == broker.pid and len(status["tokens"]) == MORE + 1
                       and all(token["state"] == "valid" for token in status["tokens"]), 30)
    is_kept = _get(world) == before
    _configure(world, server, 0)
    broker.reload()
    broker.wait_status(lambda status: len(status["tokens"]) == 1, 30)
    return is_kept and broker.stop() == 0


def memory(case, world, tries):
    """The kernel kills a broker that wants more: what it has published stays, and the next goes on."""
    if not is_available(case, "memory"):
        return
    server = world.auth_server()
    server.settings(token_length=TOKEN_MAX)
    world.may_leave_segments = True  # of a broker that was killed
    _configure(world, server, 0)
    first = world.broker().wait_ready()
    first.wait_token(lambda token: token["state"] == "valid")
    assert first.stop() == 0
    readers = Readers(world)
    killed, kept, went_on = 0, 0, 0
    for _ in range(tries):
        is_killed, is_kept = _grow_until_killed(world, server)
        killed, kept = killed + is_killed, kept + is_kept
        went_on += _go_on(world, server)
    case.each("brokers that the kernel killed for memory", killed, tries)
    case.each("  readers kept the token", kept, tries)
    case.each("  the next broker went on with it, and with all others", went_on, tries)
    readers.tell(case)


def _fetch_without_task(world, broker, group):
    """(whether readers kept the token meanwhile, what the status said, ms until the next one was there)"""
    before = _get(world)
    group.limit(group.use())
    wait_until(lambda: world.control(control.REFRESH).result == "accepted", 10, "a refresh")
    token = broker.wait_token(lambda token: token["failing_since"] is not None)
    is_kept = token["state"] == "valid" and token["last_error"]["reason"] == "network" and _get(world) == before
    group.lift()
    freed = time.monotonic()
    wait_until(lambda: _get(world) != before, 30, "the next token")
    broker.wait_token(lambda token: token["failing_since"] is None)
    return is_kept, round((time.monotonic() - freed) * 1000)


def processes(case, world, broker, tries):
    """pids.max: no thread more. broker: one that needs a thread for each request."""
    if not is_available(case, "pids"):
        return
    with cgroups.cgroup("pids") as group:
        group.add(broker.pid)
        outcomes = [_fetch_without_task(world, broker, group) for _ in range(tries)]
        ended_well = broker.stop() == 0
    case.each("fetches that could not resolve a name, and came later", len(outcomes), tries)
    case.each("  the status said so, readers kept the token", sum(is_kept for is_kept, _ in outcomes), tries)
    case.at_most("  slowest recovery, ms", max(ms for _, ms in outcomes), 10000)
    case.each("the broker ended well", int(ended_well), 1)
