# SPDX-License-Identifier: MIT
"""A wall clock that is set under a broker that runs, or runs ahead of the boot clock: what it then fetches. Nothing
else is due, so each request is the clock's."""

import time
from dataclasses import dataclass

import proof
from clocks import clock_of, set_clock

LOOK_S = 15  # how often a broker looks at its clocks
TURN_S = 2
RETRY_MIN_S = 1
HOUR_S = 3600


@dataclass
class Step:
    ahead_s: int
    is_told: bool  # with an event (ECANCELED), or only to be seen
    fetches: int

    def within_s(self):
        return TURN_S if self.is_told else LOOK_S + TURN_S


# segment-format.md: an event is one whatever the step, and what runs ahead counts from 10 s on.
STEPS = {
    "set by an hour": Step(HOUR_S, True, 1),
    "set back by an hour": Step(-HOUR_S, True, 1),
    "set by a second": Step(1, True, 1),
    "11 s ahead, unheard": Step(11, False, 1),
    "9 s ahead, unheard": Step(9, False, 0),
    "an hour behind, unheard": Step(-HOUR_S, False, 0),
}


def run(case, world, step):
    server = world.auth_server()
    file = world.make_directory("clock", 0o755) / "ahead"
    set_clock(file, 0)
    world.write_config({"default": world.token(server, retry_min=RETRY_MIN_S)})
    broker = world.broker(env=clock_of(world.build, file, tells=step.is_told)).wait_ready()
    broker.wait_token(lambda token: token["state"] == "valid")
    readers = proof.Readers(world)
    time.sleep(RETRY_MIN_S)  # or the least time between two requests would put it off
    before, generation = server.requests(), world.segment().current().generation
    stepped_ms = time.monotonic() * 1000
    set_clock(file, step.ahead_s)
    time.sleep(step.within_s())
    came_ms = server.token_times_ms()[before:]
    case.row("fetches for a step of the wall clock", len(came_ms), len(came_ms) == step.fetches)
    if step.fetches > 0:
        case.each("  whose token was published", world.segment().current().generation - generation, step.fetches)
        late_ms = round(came_ms[0] - stepped_ms) if came_ms else 0
        case.row("  ms behind it", late_ms, 0 <= late_ms <= step.within_s() * 1000)
    if step.is_told:
        tell_again(case, server, file, step)
    readers.tell(case)


def tell_again(case, server, file, step):
    """At once once more: such fetches keep retry_max apart."""
    before = server.requests()
    set_clock(file, 2 * step.ahead_s)
    time.sleep(RETRY_MIN_S + TURN_S)
    case.none("fetches for a second one right behind it", server.requests() - before)


def prove(table, build, name):
    proof.Case(table, f"clock {name}").run(run, build, STEPS[name])
