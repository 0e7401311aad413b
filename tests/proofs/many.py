# SPDX-License-Identifier: MIT
"""Very many sleepers and tokens, and a broker that gets little of the processor."""

import json
import os
import sys
import time

import control
import segment
from limits import descriptors, status_kib
from proof import Readers
from tb import READER_UID, wait_until

# A sleeper looks for itself after 5 s (segment-format.md), so 1 s before each publish: without its wake-up it sleeps on
# for 4 s.
REFRESH_S = 6
LATE_MS = 1500  # asleep: what it then waits for a processor is the machine's
SLEEPERS = 4096
ROUNDS, FEW_ROUNDS = 5, 2
TOKENS = 1000
KIB_A_TOKEN = 64
HEARTBEAT_S = 15
LATE_S = 10  # of the 30 s that are left until the broker counts as gone
LONGEST_TURN_MS = 1500
RELOAD_MS = 10000  # a reload is one turn, which makes all of a thousand segments


def _start_swarm(world, mode, *arguments):
    return world.process([world.build / "tests/support/swarm", mode, *map(str, arguments)], "swarm")


def sleepers(case, world, count):
    """A broker that refreshes every few seconds, and so many processes that wait for each new token."""
    rounds = ROUNDS if count == SLEEPERS else FEW_ROUNDS
    server = world.auth_server()
    server.settings(expires_in=100)
    broker = world.ready_broker(server, refresh_percent=REFRESH_S, refresh_jitter_percent=0)
    swarm = _start_swarm(world, "wait", "--processes", count, "--uid", READER_UID, "--count", rounds,
                         "--timeout-ms", 120000)
    wait_until(lambda: "ready" in swarm.err(), 120, "the sleepers")
    stale = 0  # commands that were answered meanwhile
    while swarm.is_running():
        answer = world.control(control.REJECT, uid=READER_UID, generation=1)
        stale += answer.result in ("stale", "invalid")
        time.sleep(0.05)
    swarm.wait()
    seen = json.loads(swarm.out())
    woken = seen["results"]["wait"]
    case.row("sleepers", seen["complete"], seen["complete"] == count)
    case.each("  waits that ended with a newer token", woken.get("ok", 0), count * rounds)
    case.none("  waits that ended otherwise", sum(woken.values()) - woken.get("ok", 0))
    case.each("  whole tokens read then", seen["results"]["get"].get("ok", 0), count * rounds)
    asleep_ms = round(seen["asleep_late_ms"])
    case.row("  latest end of a wait after the publish, ms", round(seen["late_ms"]), seen["late_ms"] > 0)
    case.row("  between the first and the last to be told of one, ms", round(seen["spread_ms"]))
    case.row("  asleep for so long after the publish, ms", asleep_ms, 0 <= asleep_ms <= LATE_MS)
    case.row("  commands answered meanwhile", stale, stale > 0)
    case.at_most("longest turn of the loop, ms", broker.status()["loop"]["longest_ms"], LONGEST_TURN_MS)
    case.each("the broker ended well", int(broker.stop() == 0), 1)


def _configure(world, server, names, **keys):
    world.write_config({name: world.token(server, name, **{"client_secret_file": world.write_secret(), **keys})
                        for name in names})


def _are_valid(status, names):
    tokens = status["tokens"]
    return {token["name"] for token in tokens} == set(names) and all(token["state"] == "valid" for token in tokens)


def _generations(status):
    return {token["name"]: token["generation"] for token in status["tokens"]}


def _order_refreshes(world, names):
    """Each is accepted, when the queue before it has been worked off."""
    return sum(bool(wait_until(lambda name=name: world.control(control.REFRESH, name).result == "accepted", 60,
                               f"a refresh of {name}")) for name in names)


def _kept(names):
    return sorted(names)[:len(names) // 2]


def _use_fewer(case, world, server, broker, before):
    """Half of the tokens leave the configuration, and some come; the others stay as they are."""
    kept = _kept(before)
    names = [*kept, *(f"new-{number}" for number in range(len(before) // 4))]
    requests = server.requests()
    _configure(world, server, names)
    broker.reload()
    status = broker.wait_status(lambda status: _are_valid(status, names), 120)
    case.each("  of them kept, untouched, by a reload", sum(_generations(status)[name] == before[name]
                                                            for name in kept), len(kept))
    case.each("  fetched for those that came", server.requests() - requests, len(names) - len(kept))
    wait_until(lambda: len(segment.shared_memory_of(world.runtime_dir)) == len(names), 60, "no other segments")
    case.each("  segments then", len(segment.shared_memory_of(world.runtime_dir)), len(names))
    return status


def many_tokens(case, world, count):
    server = world.auth_server()
    names = [f"token-{number}" for number in range(count)]
    _configure(world, server, names[:1])
    broker = world.broker().wait_ready()
    rss_kib, open_before = status_kib(broker.pid, "VmRSS"), descriptors(broker.pid)
    _configure(world, server, names)
    broker.reload()
    status = broker.wait_status(lambda status: _are_valid(status, names), 300)
    case.row("tokens", len(status["tokens"]), len(status["tokens"]) == count)
    case.each("  fetched", server.requests(), count)
    readers = Readers(world, 8, names=_kept(names))
    grown_kib = (status_kib(broker.pid, "VmRSS") - rss_kib) / count
    case.at_most("  resident memory a token, segment included, KiB", round(grown_kib), KIB_A_TOKEN)
    case.at_most("  locked memory a token, KiB", round(status_kib(broker.pid, "VmLck") / count), KIB_A_TOKEN)
    before = _generations(_use_fewer(case, world, server, broker, _generations(status)))
    case.each("refreshes ordered", _order_refreshes(world, before), len(before))
    broker.wait_status(lambda status: all(generation > before[name]
                                          for name, generation in _generations(status).items()), 300)
    case.each("  published", len(before), count * 3 // 4)
    case.at_most("descriptors more than with one token", descriptors(broker.pid) - open_before, 0)
    readers.tell(case)
    case.at_most("longest turn of the loop, ms", broker.status()["loop"]["longest_ms"], RELOAD_MS)
    case.each("the broker ended well", int(broker.stop() == 0), 1)


# Sends commands that are refused, as fast as they are answered.
FLOOD = """
import sys
sys.path.insert(0, sys.argv[1])
import control
number = 0
while True:
    answer = control.exchange(sys.argv[2], control.pack(control.REJECT, "token-0", 1), 30)
    number += answer is not None
    if number % 100 == 0:
        print(number, flush=True)
"""
HOG = "while :; do :; done"


def _watch_heartbeat(world, seconds):
    """(the oldest that status.json ever was, how often it was touched or written)"""
    oldest_s, touched = 0.0, 0
    last_ns = (world.runtime_dir / "status.json").stat().st_mtime_ns
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        modified_ns = (world.runtime_dir / "status.json").stat().st_mtime_ns
        oldest_s = max(oldest_s, (time.time_ns() - modified_ns) / 1e9)
        touched += modified_ns != last_ns
        last_ns = modified_ns
        time.sleep(0.05)
    return oldest_s, touched


def heartbeat(case, world, seconds):
    """Four times as many processes want a processor as there are, and the control socket is flooded."""
    server = world.auth_server()
    names = [f"token-{number}" for number in range(100)]
    _configure(world, server, names, reject_interval=1)
    broker = world.broker().wait_ready()
    hogs = [world.process(["sh", "-c", HOG], "hog") for _ in range(4 * len(os.sched_getaffinity(0)))]
    here = os.path.dirname(control.__file__)
    floods = [world.process([sys.executable, "-c", FLOOD, here, world.runtime_dir], "flood", uid=READER_UID)
              for _ in range(4)]
    swarm = _start_swarm(world, "wait", "--processes", 500, "--uid", READER_UID, "--name", "token-0",
                         "--timeout-ms", seconds * 1000)
    oldest_s, touched = _watch_heartbeat(world, seconds)
    answered = sum(int((flood.out().split() or ["0"])[-1]) for flood in floods)
    case.row("seconds", seconds, all(process.is_running() for process in hogs + floods))
    case.row("  commands answered", answered, answered > 0)
    case.row("  heartbeats and documents", touched, touched >= max(seconds // HEARTBEAT_S, 1))
    case.at_most("  oldest of them, s", round(oldest_s), HEARTBEAT_S + LATE_S)
    case.at_most("longest turn of the loop, ms", broker.status()["loop"]["longest_ms"], LONGEST_TURN_MS)
    for process in hogs + floods:
        process.kill()
    case.each("the sleepers ended well", int(swarm.wait(300) == 0), 1)
    case.each("the broker ended well", int(broker.stop() == 0), 1)
