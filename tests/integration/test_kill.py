# SPDX-License-Identifier: MIT
"""The broker killed at every step of its work, and at random: readers and the next one go on."""

import json
import random
import re
import time

import pytest

import segment
from tb import OTHER_READER_UID, READER_UID, fingerprint, wait_until
from test_sharing import start_verifier, verdict

KILLS = 200
SLOT_SUM, SLOT_GENERATION, SLOT_TOKEN = 0x40, 0x08, 0x80

# Where gdb stops the broker in a publish: (what is watched, how often it changes until then).
BEFORE_COMMIT = {
    "before the slot is touched": ("break", "segment_writer_publish", 1),
    "slot_seq is 0": ("slot", 0, 1),
    "the first word of the metadata is stored": ("slot", SLOT_GENERATION, 1),
    "some words of the token are stored": ("slot", SLOT_TOKEN + 16, 1),
    "slot_sum is stored": ("slot", SLOT_SUM, 1),
    "slot_seq is stored": ("slot", 0, 2),
}
AFTER_COMMIT = {
    "head is stored": ("word", segment.HEAD_OFFSET, 1),
    "wake has moved": ("word", segment.WAKE_OFFSET, 1),
    "nobody was woken yet": ("break", "segment_wake_run", 1),
}
REPLACEMENT = ["segment_acl_set", "segment_writer_publish", "token_link_set", "publisher_retire",
               "segment_writer_retire", "segment_file_unlink"]


class Killer:
    """gdb, which holds a broker and kills it where it stops."""

    def __init__(self, world, broker, point, times=1, within=None):
        """within: from the next call of this function on. status.json is written at any time."""
        self.broker = broker
        if within is None and point.startswith("watch"):
            within = "segment_writer_publish"
        commands = ["set confirm off", "set can-use-hw-watchpoints 0", *self._until(point, times, within), "kill"]
        arguments = [argument for command in commands for argument in ("-ex", command)]
        self.process = world.process(["gdb", "-nx", "-batch", "-p", broker.pid, *arguments], "gdb")
        wait_until(lambda: "ARMED" in self.process.out(), 30, "gdb")

    @staticmethod
    def _until(point, times, within):
        """What is watched is looked at after each instruction (not every machine has registers for that), so
        first to the function that changes it."""
        last = [f"ignore $bpnum {times - 1}", "echo ARMED\\n", "continue"]
        if within is None:
            return [point, *last]
        return [f"tbreak {within}", "echo ARMED\\n", "continue", point, *last]

    def wait(self):
        """Until the broker has come to its end, at the point and nowhere else."""
        self.process.wait(60)
        assert self.broker.wait() == -9
        assert re.search("hit (Watchpoint 2|Breakpoint [12])", self.process.out()), self.process.out()


def mapped_at(broker, path):
    """Where the broker has mapped a segment."""
    with open(f"/proc/{broker.pid}/maps", encoding="ascii") as maps:
        start, = (line.split("-")[0] for line in maps if line.rstrip().endswith(str(path)))
    return int(start, 16)


def point_of(world, broker, kind, where):
    """A command for gdb. A slot: the one that the next publish goes into."""
    if kind == "break":
        return f"break {where}"
    base = mapped_at(broker, world.segment_path())
    if kind == "slot":
        data = world.segment_path().read_bytes()
        _, _, _, _, _, _, _, _, _, offset, stride, count, *_ = segment.HEADER.unpack_from(data)
        base += offset + (world.segment().count + 1) % count * stride
    size = "unsigned int" if where == segment.WAKE_OFFSET and kind == "word" else "unsigned long"
    return f"watch *({size} *){base + where:#x}"


def start_adopting(world, server):
    """A broker that went on with the token of another: all slots hold that one, and it may fetch."""
    world.ready_broker(server).stop()
    broker = start_next(world)
    wait_until(lambda: len({slot.token for slot in world.segment().slots}) == 1, 10, "the scrub")
    return broker


def start_next(world):
    """The next broker, once status.json is its own."""
    broker = world.broker().wait_ready()
    broker.wait_status(lambda status: status["pid"] == broker.pid)
    return broker


def order_refresh(cli):
    wait_until(lambda: cli("refresh", "default", "--wait", "0").status == 0, 10, "a refresh")


def published(cli):
    """(generation, fingerprint) as readers see it."""
    info = json.loads(cli("info", "--json").out)
    return info["generation"], fingerprint(cli("get").out.strip())


def assert_undisturbed(reader):
    reader.terminate()
    seen = verdict(reader)
    assert seen["reads"] > 0 and seen["torn"] == 0 and seen["generation_went_back"] == 0
    assert seen["errors"] == {}, "no read failed"


def assert_goes_on(world, server, cli, before):
    """The next broker serves what was published, asks the server nothing, and can refresh."""
    requests, epoch = server.requests(), world.segment().epoch
    broker = start_next(world)
    token = broker.wait_token(lambda token: token["state"] == "valid")
    assert (token["generation"], token["fingerprint"]) == before == published(cli)
    assert server.requests() == requests, "adopted without a fetch"
    assert world.segment().epoch == epoch + 1
    wait_until(lambda: segment.shared_memory_of(world.runtime_dir) == [world.segment_path()], 10,
               "what the dead one left removed")

    order_refresh(cli)
    broker.wait_token(lambda token: token["generation"] == before[0] + 1)
    assert published(cli)[0] == before[0] + 1
    assert broker.stop() == 0


@pytest.mark.needs_root
@pytest.mark.parametrize("step", BEFORE_COMMIT)
def test_killed_before_the_commit_the_old_token_stays(world, server, cli, step):
    broker = start_adopting(world, server)
    before = published(cli)
    reader = start_verifier(world, 60)
    kind, where, times = BEFORE_COMMIT[step]
    killer = Killer(world, broker, point_of(world, broker, kind, where), times)
    order_refresh(cli)
    killer.wait()
    assert server.requests() == 2, "it had the new token in hand"
    assert published(cli) == before
    assert_goes_on(world, server, cli, before)
    assert_undisturbed(reader)


@pytest.mark.needs_root
@pytest.mark.parametrize("step", AFTER_COMMIT)
def test_killed_after_the_commit_the_new_token_is_out(world, server, cli, step):
    broker = start_adopting(world, server)
    old = published(cli)
    reader = start_verifier(world, 60)
    waiter = cli.start("wait", "default", "--after", old[0], "--timeout", "30", uid=READER_UID)
    kind, where, times = AFTER_COMMIT[step]
    killer = Killer(world, broker, point_of(world, broker, kind, where), times)
    order_refresh(cli)
    killer.wait()
    new = published(cli)
    assert new[0] == old[0] + 1 and new[1] != old[1]
    assert waiter.wait(20) == 0, "a sleeper that nobody woke looks for itself"
    assert int(waiter.out()) == new[0]
    assert_goes_on(world, server, cli, new)
    assert_undisturbed(reader)


@pytest.mark.needs_root
@pytest.mark.parametrize("function", REPLACEMENT)
def test_killed_while_a_segment_replaces_another_readers_find_one_of_them(world, server, cli, function):
    server.settings(token_length=22)
    broker = start_adopting(world, server)
    old = published(cli)
    first_segment = world.segment_path()
    reader = start_verifier(world, 60)
    server.settings(token_length=60000)
    killer = Killer(world, broker, f"break {function}")
    order_refresh(cli)
    killer.wait()
    current = published(cli)
    is_linked = world.segment_path() != first_segment
    assert is_linked == (function in REPLACEMENT[3:])
    assert (current == old) != is_linked
    assert_goes_on(world, server, cli, current)
    assert_undisturbed(reader)


@pytest.mark.needs_root
@pytest.mark.parametrize("publishes", [1, 2, 3])
def test_killed_in_a_scrub_the_next_broker_scrubs(world, server, cli, publishes):
    broker = world.ready_broker(server)
    old = cli("get").out.strip().encode()
    killer = Killer(world, broker, "break segment_writer_publish", 1 + publishes)
    wait_until(lambda: cli("revoke", "default", "--wait", "0").status == 0, 10, "a revocation")
    killer.wait()
    current = published(cli)
    assert current[1] != fingerprint(old)
    is_left = old in world.segment_path().read_bytes()
    assert is_left, "it was killed before the slot of the old token was covered"

    start_next(world)
    wait_until(lambda: old not in world.segment_path().read_bytes(), 10, "the scrub")
    assert published(cli) == current


@pytest.mark.needs_root
def test_200_random_kills_under_verifying_readers(world, server, cli):
    readers_of = [[str(READER_UID)], [str(READER_UID), str(OTHER_READER_UID)]]
    server.settings(expires_in=100)
    keys = {"refresh_percent": 1, "refresh_jitter_percent": 0}  # once a second
    start = time.monotonic()
    world.ready_broker(server, **keys).kill()
    start_s = min(time.monotonic() - start, 0.15)
    before = published(cli)[0]
    readers = [start_verifier(world, 300, name=f"verifier-{number}") for number in range(2)]
    chance = random.Random(20261123)
    kills = adoptions = 0
    for number in range(KILLS):
        if number % 10 == 9:  # other readers: another segment
            world.write_config({"default": world.token(server, readers=readers_of[number // 10 % 2],
                                                       **keys)})
        epoch = world.segment().epoch
        broker = world.broker()
        # A moment of its own for each, not a time to wait for anything.
        time.sleep(chance.uniform(0.1, 1.5) * start_s)
        assert broker.is_running(), broker.err()
        kills += broker.kill() == -9
        broker.end()
        adoptions += world.segment().epoch == epoch + 1
    assert kills == KILLS and adoptions > KILLS / 4
    assert server.requests() < KILLS / 2, "most of them had no need to fetch"

    start_next(world)
    wait_until(lambda: segment.shared_memory_of(world.runtime_dir) == [world.segment_path()], 10,
               "nothing left of the dead")
    assert published(cli)[0] > before + 5
    for reader in readers:
        reader.terminate()
        seen = verdict(reader)
        assert seen["torn"] == 0 and seen["generation_went_back"] == 0 and seen["errors"] == {}
        assert seen["longest_read_us"] < 2000000, "no reader was held up"
        assert seen["last_generation"] > seen["first_generation"]
