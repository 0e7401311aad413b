# SPDX-License-Identifier: MIT
"""The broker single-stepped through a publish, a withdraw, a scrub, the replacement of a segment, the retirement of
the old one and an adoption, and killed after each store and each system call in it.

The broker's own memory dies with it: what a SIGKILL leaves is the memory of the segments and the file
system. So the points to kill it at are the instructions that change one of these, which are all there
are: tests/support/single_step.c finds them."""

import collections
import errno
import platform
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import control
import observers
import proof
import segment
from library import Library, environment
from tb import OTHER_READER_UID, READER_UID, fingerprint, wait_until

SEALED, COMMIT, RETIRED, LINKED = "slot_seq = n", "head = n", "head = RETIRED", "rename of the link"
FUTEX, UNLINK, UNLINKAT, SYMLINKAT, RENAMEAT, OPENAT, FALLOCATE, FSETXATTR = 202, 87, 263, 266, 264, 257, 285, 190
CALLS = {FUTEX: "futex: sleepers are woken", UNLINK: "unlink", UNLINKAT: "unlink", SYMLINKAT: "symlink",
         RENAMEAT: LINKED, OPENAT: "open", FALLOCATE: "fallocate", FSETXATTR: "access list"}
OTHER_CALL = "another system call"
UNHEARD = (COMMIT, "wake")  # published, and nobody woken yet
SLEEPERS = 2  # at each such point
READERS = 8
# Of `reject`: the token stays configured, and a broker that is stepped through answers nobody meanwhile.
REJECT_ENDS = {"0", "6", "8", "9", "9_killed", "9_late"}
PUBLISH = {"slot_seq = 0", "metadata", "token words", "slot_sum", SEALED, COMMIT}
HELD = ("sh", "-c", 'kill -STOP $$; exec "$0" "$@"')  # a broker that begins when single_step lets it


@dataclass
class Scene:
    """What is stepped through: the call of function in which something happens, after trigger."""
    name: str
    function: str
    trigger: Callable
    steps: set  # those that must be among its kills
    calls: tuple = (1,)  # each of them is stepped through
    has_sleepers: bool = False  # whom a new token would wake


def refresh(stage, _):
    return stage.command(control.REFRESH)


def suspend(stage, _):
    """Without its answer: whoever is killed in it gives none."""
    stage.connections.append(control.connect(stage.world.runtime_dir))
    stage.connections[-1].send(control.pack(control.SUSPEND))


def change_readers(stage, broker):
    """Others, who get a segment of their own."""
    stage.configure()
    broker.reload()


def begin(*_):
    """The broker has not begun yet."""


SCENES = (
    Scene("publish", "publication_put", refresh, PUBLISH | {"wake"}, has_sleepers=True),
    Scene("wake", "segment_wake_run", refresh, {CALLS[FUTEX]}),
    Scene("withdraw", "publication_put", suspend, PUBLISH | {"wake"}),
    Scene("scrub", "segment_writer_publish", suspend, PUBLISH, calls=(2, 3, 4)),
    Scene("replacement", "publication_set_readers", change_readers,
          PUBLISH | {"open", "fallocate", "header", "access list", "symlink", LINKED, "wake", CALLS[FUTEX]}),
    Scene("retirement", "retirement_run", change_readers,
          PUBLISH | {RETIRED, "wake", CALLS[FUTEX], "unlink"}, calls=(2, 3, 4)),
    Scene("adoption", "publication_new", begin, {"open", "fallocate", "wake"}),
)


def step_of(line, header):
    """A line of single_step, as a step of segment-format.md."""
    kind, *words = line.split()
    if kind == "call":
        return CALLS.get(int(words[0]), OTHER_CALL)
    slot_offset, stride, _, token_offset = header[9:13]
    at = int(words[1], 16)
    if at < slot_offset:
        return {segment.HEAD_OFFSET: COMMIT, segment.WAKE_OFFSET: "wake"}.get(at, "header")
    within = (at - slot_offset) % stride
    if within == 0:
        return "slot_seq = 0" if words[2] == "zero" else SEALED
    if within >= token_offset:
        return "token words"
    return "slot_sum" if within == 0x40 else "metadata"


def steps_of(lines, header):
    steps = [step_of(line, header) for line in lines]
    # Only in a publish is slot_seq stored just before.
    return [RETIRED if step == COMMIT and former != SEALED else step for former, step in zip([None, *steps], steps)]


class Stage:
    """A world with one token, and what its readers can be told."""

    def __init__(self, world):
        self.world = world
        self.server = world.auth_server()
        self.library = Library(world.build)
        self.symbols = {line.split()[2]: line.split()[0] for line in subprocess.run(
            ["nm", "--defined-only", world.build / "tokenbrokerd"], check=True, capture_output=True,
            text=True).stdout.splitlines()}
        self.connections = []
        self.has_more_readers = True
        self.configure()

    def configure(self):
        """With other readers than before, whose own are among them always."""
        self.has_more_readers = not self.has_more_readers
        readers = [str(READER_UID), *[str(OTHER_READER_UID)] * self.has_more_readers]
        self.world.write_config({"default": self.world.token(self.server, readers=readers)})

    def command(self, number):
        """Asked again where another has just been: true when it was accepted."""
        return wait_until(lambda: (self.world.control(number).result in ("accepted", "not_durable")), 20, "the command")

    def start(self):
        """The next broker, once status.json is its own."""
        broker = self.world.broker().wait_ready()
        broker.wait_status(lambda status: status["pid"] == broker.pid)
        return broker

    def start_settled(self):
        """One that has nothing left to do: it went on with a token, and has scrubbed. Told by head: the slots
        may have held one token alone before, and a publish of the scrub must not be taken for a step."""
        found = self.world.segment()
        broker = self.start()
        wait_until(lambda: self.world.segment().count >= found.count + found.slot_count - 1
                   and self.left_over() == 0, 20, "the scrub")
        assert len({slot.token for slot in self.world.segment().slots}) == 1
        return broker

    def look(self):
        """What a new reader finds: (result, generation, fingerprint)."""
        with environment(TOKENBROKER_RUNTIME_DIR=str(self.world.runtime_dir)):
            r, handle = self.library.try_open()
        if r != 0:
            return r, 0, None
        try:
            r, token, info = handle.get()
            return r, info.generation if r == 0 else 0, fingerprint(token) if r == 0 else None
        finally:
            handle.close()

    def secret(self):
        return self.world.segment().current().token

    def holds(self, token):
        """Is it anywhere in shared memory?"""
        return any(token in _bytes_of(path) for path in segment.shared_memory_of(self.world.runtime_dir))

    def left_over(self):
        linked = self.world.segment_path()
        names = [path.name for path in (self.world.runtime_dir / "tokens").iterdir()]
        return len(names) - 1 + sum(path != linked and _has_whole_header(_bytes_of(path))
                                    for path in segment.shared_memory_of(self.world.runtime_dir))


def _bytes_of(path):
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _has_whole_header(data):
    try:
        return segment.parse(data).is_header_sum_right
    except (ValueError, struct.error, IndexError):
        return False


class Stepper:
    """single_step, which holds a broker."""

    def __init__(self, stage, broker, scene, call, point):
        world = stage.world
        self.header = segment.HEADER.unpack_from(world.segment_path().read_bytes())
        self.process = world.process([world.build / "tests/support/single_step", broker.pid,
                                      stage.symbols[scene.function], call, point,
                                      *["exec"] * (scene.trigger is begin)], "single_step")
        wait_until(lambda: "ARMED" in self.process.out() or not self.process.is_running(), 30, "single_step")

    def steps(self):
        """Until it has ended: those that it passed, one for each point, and whether it killed the broker."""
        status = self.process.wait(120)
        _, *lines, end = self.process.out().splitlines() or ["", ""]
        assert status == 0 and end in ("killed", "returned"), self.process.err()
        return steps_of(lines, self.header), end == "killed"


class Steps:
    """All kills of one scene."""

    def __init__(self, stage, scene):
        self.stage = stage
        self.scene = scene
        self.count = collections.Counter()
        self.steps = collections.Counter()
        self.longest_sleep_s = 0

    def start(self):
        return self.stage.world.broker(prefix=HELD) if self.scene.trigger is begin else self.stage.start_settled()

    def find(self, call):
        """Once through without a kill: the steps of this call."""
        stage = self.stage
        broker = self.start()
        stepper = Stepper(stage, broker, self.scene, call, 0)
        self.scene.trigger(stage, broker)
        steps, _ = stepper.steps()
        self.restore(broker, stage.look()[1])
        return steps

    def kill_at(self, call, number, is_heard):
        stage, count = self.stage, self.count
        victim = self.start()
        old, secret, path = stage.look(), stage.secret(), stage.world.segment_path()
        assert old[0] == 0
        sleepers = [] if is_heard else self.fall_asleep(old[1])
        stepper = Stepper(stage, victim, self.scene, call, number)
        self.scene.trigger(stage, victim)
        steps, is_killed = stepper.steps()
        if not is_killed:
            count["not met again"] += 1
            self.restore(victim, old[1])
            return
        count["kills"] += victim.wait() == -9
        self.steps[steps[-1]] += 1
        self.sleep_out(sleepers)
        seen = stage.look()
        is_out = call > 1 or self.scene.function == "segment_wake_run" or self.commit() in steps
        is_moved = stage.world.segment_path() != path
        count["wrong token"] += not self.may_be_seen(old, seen, is_out, is_moved)
        is_replacing = self.scene.trigger is change_readers
        count["in the making"] += is_replacing and "open" in steps and "access list" not in steps
        was_left = stage.holds(secret)
        self.go_on(old, seen, secret, was_left)

    def fall_asleep(self, generation):
        sleepers = [self.stage.world.cli.start("wait", "--after", str(generation), "--timeout", "60", uid=READER_UID)
                    for _ in range(SLEEPERS)]
        for sleeper in sleepers:
            doing = Path(f"/proc/{sleeper.pid}/syscall")
            wait_until(lambda doing=doing: doing.read_text(encoding="ascii").startswith(f"{FUTEX} "), 20, "a sleeper")
        return sleepers

    def sleep_out(self, sleepers):
        """With the broker dead and no next one: nobody wakes them but their own clock."""
        killed_s = time.monotonic()
        for sleeper in sleepers:
            self.count["sleepers"] += 1
            self.count["told"] += sleeper.wait(60) == 0
            self.longest_sleep_s = max(self.longest_sleep_s, time.monotonic() - killed_s)

    def commit(self):
        return LINKED if self.scene.trigger is change_readers else COMMIT

    def may_be_seen(self, old, seen, is_out, is_moved):
        """By a reader, with the broker dead. is_out: the commit had been made; is_moved: into another segment."""
        is_new = seen[0] == 0 and seen[1] == old[1] + 1 and seen[2] != old[2]
        return {
            refresh: is_new if is_out else seen == old,
            suspend: seen[0] == -errno.EKEYREVOKED if is_out else seen == old,
            change_readers: seen == old,
            begin: seen == old,
        }[self.scene.trigger] and is_moved == (is_out and self.scene.trigger is change_readers)

    def go_on(self, old, seen, secret, was_left):
        """The next broker serves what was seen, and leaves nothing of what was withdrawn."""
        stage, count = self.stage, self.count
        next_broker = stage.start()
        wait_until(lambda: stage.left_over() == 0, 20, "what the dead one left removed")
        now = stage.look()
        if seen[0] == 0:
            count["served on"] += now == seen or (self.scene.trigger == suspend and now[0] == -errno.EKEYREVOKED)
        else:
            count["served on"] += now[2] != old[2]
        if now[2] != old[2]:
            wait_until(lambda: not stage.holds(secret), 20, "the scrub")
            count["scrubbed"] += was_left
        self.restore(next_broker, old[1])
        count["published again"] += 1

    def restore(self, broker, generation):
        """A newer token by this broker, which is killed when it has done so."""
        stage = self.stage
        broker.wait_ready()
        if stage.look()[0] == -errno.EKEYREVOKED:
            stage.command(control.RESUME)
        elif stage.look()[0] == 0:
            stage.command(control.REFRESH)
        wait_until(lambda: stage.look()[0] == 0 and stage.look()[1] > generation, 20, "a newer token")
        broker.kill()
        broker.end()


def chosen(steps, is_short):
    """The numbers of the points to kill at: all, or one of each step."""
    if not is_short:
        return range(1, len(steps) + 1)
    return sorted({step: number for number, step in enumerate(steps, 1) if step != OTHER_CALL}.values())


def run(case, world, scene, is_short):
    began_s = time.time()
    stage = Stage(world)
    broker = stage.start()
    broker.wait_token(lambda token: token["state"] == "valid")
    broker.kill()
    readers = proof.Readers(world, READERS)
    waiters = observers.waiters(world, 1)
    rejecter = world.process(["sh", "-c", observers.REJECT_STALE, world.build / "tokenbroker"], "reject", uid=READER_UID)
    steps = Steps(stage, scene)
    for call in scene.calls:
        found = steps.find(call)
        for number in chosen(found, is_short):
            steps.kill_at(call, number, not (scene.has_sleepers and found[number - 1] in UNHEARD))
    case.row("seconds", round(time.time() - began_s))
    steps.count["unfinished"] = proof.unfinished_segments(world.broker_uid, began_s)
    tell(case, steps)
    readers.tell(case, always=scene.trigger is not suspend)
    observers.tell_of_waits(case, waiters)
    ends = observers.ends([rejecter])
    case.row("`reject` commands", sum(ends.values()), set(ends) <= REJECT_ENDS and ends["0"] > 0)


def tell(case, steps):
    count, scene = steps.count, steps.scene
    kills = count["kills"]
    case.row("SIGKILLs, each at a point of its own", kills, kills > 0)
    for step in [*steps.steps, *sorted(scene.steps - set(steps.steps))]:
        case.row(f"  after {step}", steps.steps[step], steps.steps[step] > 0)
    case.at_most("points that were not met a second time", count["not met again"], kills // 50)
    case.none("kills that left another token than the old or the new", count["wrong token"])
    case.none("files without a whole header that are left", count["unfinished"])
    case.each("next brokers that went on with it", count["served on"], kills)
    case.each("  and published another", count["published again"], kills)
    if count["in the making"] > 0:
        case.row("kills before the header of the next segment was whole", count["in the making"])
    if scene.has_sleepers:
        case.each("sleepers whom the killed one had not woken: told all the same", count["told"], count["sleepers"])
        case.at_most("  with no next broker, ms behind its end", round(1000 * steps.longest_sleep_s),
                     1000 * (observers.SLICE_S + observers.TURN_S))
    if scene.trigger is suspend:
        scrubbed = count["scrubbed"]
        case.row("kills that left the old secret, scrubbed by the next broker", scrubbed, scrubbed > 0)


def prove(table, build, is_short):
    if platform.machine() != "x86_64":
        table.skip("stepped", "single steps are written for x86-64 alone")
        return
    for scene in SCENES[:1] if is_short else SCENES:
        proof.Case(table, f"stepped, {scene.name}").run(run, build, scene, is_short)
