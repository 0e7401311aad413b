# SPDX-License-Identifier: MIT
"""Readers that are stopped in the middle of a read, and go on when much has happened.

For a reader that stands still nothing passes but what others do: the hour in which it is stopped is as
many publishes as pass the ring, and the end of the token's life."""

import random
import re
import signal
import time
from pathlib import Path

import control
from proof import Readers
from tb import READER_UID, is_whole, wait_until

EXPIRED = 5  # exit status of `tokenbroker get`
SCRIPT = Path(__file__).with_name("stop_in_read.py")
RING = 4


def _gdb(world, name, *arguments):
    """`tokenbroker get` under gdb, as stop_in_read.py says."""
    return world.process(["gdb", "--nx", "--batch", "-ex", f"python ARGUMENTS={list(map(_plain, arguments))}", "-x",
                          SCRIPT, world.build / "tokenbroker"], name, uid=READER_UID)


def _plain(argument):
    return argument if isinstance(argument, int) else str(argument)


def _file(world, name):
    path = world.output / name
    path.touch()
    path.chmod(0o666)
    return path


def _instructions(world):
    """From the call to the look at the clock, which judges the copy."""
    counter = _gdb(world, "counter", "count", "/dev/null")
    counter.wait(60)
    return int(re.search(r"steps (\d+)", counter.out()).group(1))


class StoppedReader:
    def __init__(self, world, name, steps):
        self._out, self._stopped, self._ended = (_file(world, f"{name}.{what}") for what in ("token", "stop", "end"))
        self._go = world.output / f"{name}.go"
        self._process = _gdb(world, name, "stop", self._out, steps, self._stopped, self._go, self._ended)

    def wait_stopped(self):
        wait_until(lambda: self._stopped.read_text() or not self._process.is_running(), 60, "a stopped reader")
        assert self._process.is_running(), self._process.err()

    def go_on(self):
        """(exit status of the command, what it printed)"""
        self._go.touch()
        self._process.wait(60)
        return int(self._ended.read_text()), self._out.read_text().strip()


def _stop_readers(world, tries, instructions):
    """At instructions that lie evenly between the first and the last before the clock."""
    last = instructions - 1
    readers = [StoppedReader(world, f"stopped-{number}", last * number // max(tries - 1, 1)) for number in range(tries)]
    for reader in readers:
        reader.wait_stopped()
    return readers


def _stop_readers_of_a_short_life(world, server, tries, instructions):
    """All while the token is good, and the server gives no other. Slow machines have another try."""
    for life_s in (10 + tries, 40 + 4 * tries):
        server.settings(expires_in=life_s)
        _refresh(world)
        server.order(status=503, count=1000)
        readers = _stop_readers(world, tries, instructions)
        if world.token_status()["state"] == "valid":
            return readers
        for reader in readers:
            reader.go_on()
        server.clear_orders()
        world.wait_token(lambda token: token["state"] == "valid", timeout=60)
    raise AssertionError("too slow: the token has expired before all were stopped")


def stopped_past_expiry(case, world, tries):
    """The token that they are reading has expired when they go on, and the server gives no other."""
    server = world.auth_server()
    server.settings(token_length=300)
    broker = world.ready_broker(server)
    instructions = _instructions(world)
    readers = _stop_readers_of_a_short_life(world, server, tries, instructions)
    broker.wait_token(lambda token: token["state"] == "expired", timeout=100 + 4 * tries)
    ends = [reader.go_on() for reader in readers]
    case.row("instructions from the call to the clock", instructions)
    case.each("readers stopped while their token expired", len(ends), tries)
    case.each("  told that it has expired", sum(status == EXPIRED for status, _ in ends), tries)
    case.none("  that printed a token", sum(bool(text) for _, text in ends))
    case.each("the broker ended well", int(broker.stop() == 0), 1)


def _refresh(world):
    before = world.token_status()["generation"]
    wait_until(lambda: world.control(control.REFRESH).result == "accepted", 20, "a refresh")
    world.wait_token(lambda token: token["generation"] > before)


def overtaken(case, world, tries):
    """While they stand still the ring is filled more than once: what they have copied is no token any more."""
    server = world.auth_server()
    server.settings(token_length=300)
    broker = world.ready_broker(server)
    readers = _stop_readers(world, tries, _instructions(world))
    for _ in range(RING + 1):
        _refresh(world)
    ends = [reader.go_on() for reader in readers]
    newest = world.cli("get", uid=READER_UID).out.strip()
    case.each("readers stopped while the ring was filled", len(ends), tries)
    case.each("  that printed a whole token", sum(status == 0 and is_whole(text) for status, text in ends), tries)
    case.row("  of them the newest one", sum(text == newest for _, text in ends), any(text == newest for _, text in ends))
    case.each("the broker ended well", int(broker.stop() == 0), 1)


def stopped_at_random(case, world, tries):
    """SIGSTOP at any moment, for as long as some publishes take; a broker that refreshes each second."""
    server = world.auth_server()
    server.settings(expires_in=100, token_length=4000)
    broker = world.ready_broker(server, refresh_percent=1, refresh_jitter_percent=0)
    readers = Readers(world, 8)
    chance = random.Random(tries)
    for _ in range(tries):
        stopped = chance.sample(readers.processes, 4)
        for process in stopped:
            process.signal(signal.SIGSTOP)
        time.sleep(chance.uniform(0, 2))
        for process in stopped:
            process.signal(signal.SIGCONT)
    case.row("stops at random moments", 4 * tries)
    readers.tell(case)
    case.each("the broker ended well", int(broker.stop() == 0), 1)
