# SPDX-License-Identifier: MIT
"""A storm of rejections: a hundred processes of many readers reject the true generation, old ones and
invented ones, as fast as they can. The token server sees no more requests than design.md section 8 allows."""

import collections
import itertools
import json
import sys
import time

import control
from proof import Readers
from tb import READER_UID, fingerprint, wait_until

PROCESSES = 100
FIRST_UID = 30000
USERS = 10  # each may hold 16 connections at a time
INTERVAL_S = 1  # reject_interval; doubles while successors are rejected
RETRY_MAX_S = 300
SERVED = 0.9  # of those that are asked once
GRACE_S = 0.5  # between a request's start here and its arrival there

# design.md section 8: what each kind may be told, and nothing else. A newer token may come between reading the true
# generation and asking. None is "busy": no user has 16 connections at a time. Two were never heard: the socket's queue
# was full, or the message came later than the second that the broker waits for it.
UNHEARD = {"full queue", "late"}
TOLD = {"true": {"accepted", "stale"}, "old": {"stale"}, "invented": {"invalid"}}

# Of one user: each reads the generation from the segment itself, as the library does, and asks at once again.
REJECTERS = """
import collections, json, os, random, signal, sys, time
sys.path.insert(0, sys.argv[1])
import control, segment
def outcome(runtime_dir, generation):
    message = control.pack(control.REJECT, generation=generation)
    began = time.monotonic()
    try:
        connection = control.connect(runtime_dir)
    except BlockingIOError:
        return "full queue"
    except OSError as error:
        return f"no connection ({error})"
    with connection:
        try:
            connection.send(message)
        except OSError:
            pass  # it may have been closed already
        sent_s = time.monotonic() - began
        try:
            answer = control.receive(connection)
        except OSError as error:
            return f"no answer ({error})"
    return answer.result if answer else "late" if sent_s >= 1 else "closed"
def storm(runtime_dir):
    told = collections.Counter()
    signal.signal(signal.SIGTERM, lambda *_: (os.write(1, (json.dumps(told) + chr(10)).encode()), os._exit(0)))
    path = os.path.join(runtime_dir, "tokens/default")
    while True:
        try:
            true = segment.parse(os.readlink(path)).current().generation
        except (OSError, ValueError):
            continue
        for kind, generation in (("true", true), ("old", true - random.randrange(1, 5)),
                                 ("invented", 1 << 62 | random.getrandbits(62))):
            told[f"{kind}: {outcome(runtime_dir, generation)}"] += 1
        time.sleep(0.02)
children = []
for _ in range(int(sys.argv[3])):
    child = os.fork()
    if child == 0:
        random.seed()
        storm(sys.argv[2])
    children.append(child)
def end(*_):
    for child in children:
        os.kill(child, signal.SIGTERM)
    for child in children:
        os.waitpid(child, 0)
    os._exit(0)
signal.signal(signal.SIGTERM, end)
print("rejecting", flush=True)
while True:
    signal.pause()
"""


def _uids():
    return range(FIRST_UID, FIRST_UID + USERS)


def _rejecters(world):
    harness = control.__file__.rpartition("/")[0]
    started = [world.process([sys.executable, "-c", REJECTERS, harness, world.runtime_dir, str(PROCESSES // USERS)],
                             "rejecters", uid=uid) for uid in _uids()]
    for process in started:
        wait_until(lambda process=process: "rejecting" in process.out(), 60, "rejecters")
    return started


def _told(rejecters):
    """How many have told what they were answered, and all of it added up."""
    told, number_of_them = collections.Counter(), 0
    for process in rejecters:
        process.terminate(60)
        lines = [line for line in process.out().splitlines() if line.startswith("{")]
        number_of_them += len(lines)
        for line in lines:
            told.update(json.loads(line))
    return number_of_them, told


def _intervals_s():
    """The growing interval, while all successors are rejected. Before the first it is retry_min that is as long."""
    return (min(INTERVAL_S * 2**number, RETRY_MAX_S) for number in itertools.count())


def _too_early(times_ms):
    """Requests that came sooner after the one before than the growing interval allows."""
    gaps = [(after - before) / 1000 for before, after in zip(times_ms, times_ms[1:])]
    return sum(gap < interval_s - GRACE_S for gap, interval_s in zip(gaps, _intervals_s()))


def _most_requests(times_ms):
    """The first one, and those for whose intervals there was room from then until now."""
    passed_s = time.monotonic() - times_ms[0] / 1000 + GRACE_S
    ends_s = itertools.accumulate(_intervals_s())
    return 1 + sum(1 for _ in itertools.takewhile(lambda end_s: end_s <= passed_s, ends_s))


def _others_are_served(world, seconds):
    """Meanwhile another reader reads, and gets an answer to its own rejection: (tries, reads, answers)."""
    tries = reads = answers = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        tries += 1
        reads += world.cli("get", uid=READER_UID).status == 0
        answers += world.cli("reject", "default", "1", uid=READER_UID).status == 0
        time.sleep(0.1)
    return tries, reads, answers


def _refreshes(world, server):
    """An administrator's refresh goes through all that: the next token is another one."""
    before = fingerprint(world.cli("get", uid=READER_UID).out.strip())
    wait_until(lambda: world.cli("refresh", "default").status == 0, 30, "a refresh in the storm")
    after = fingerprint(world.cli("get", uid=READER_UID).out.strip())
    return after != before and after in server.active()


def storm(case, world, seconds):
    server = world.auth_server()
    readers = [str(uid) for uid in (*_uids(), READER_UID)]
    broker = world.ready_broker(server, readers=readers, reject_interval=INTERVAL_S, retry_min=1, retry_max=RETRY_MAX_S)
    watching = Readers(world)
    rejecters = _rejecters(world)
    tries, reads, answers = _others_are_served(world, seconds)
    times_ms = server.token_times_ms()
    most = _most_requests(times_ms)
    is_refreshed = _refreshes(world, server)
    number_of_them, told = _told(rejecters)
    under = case.under("P15")
    under.each(f"processes that rejected, of {USERS} users", number_of_them, PROCESSES)
    under.row("  rejections", sum(told.values()), sum(told.values()) > PROCESSES)
    for name, number in sorted(told.items()):
        kind, _, result = name.partition(": ")
        under.row(f"  {name}", number, result in TOLD[kind] | UNHEARD)
    heard = sum(number for name, number in told.items() if name.partition(": ")[2] not in UNHEARD)
    under.row("  heard", heard, heard > SERVED * sum(told.values()))
    under.row("  of the current generation, taken", told["true: accepted"], told["true: accepted"] > 0)
    under.row("requests at the server", len(times_ms), len(times_ms) > 1)
    under.row("  at most those that the growing intervals leave room for", most, len(times_ms) <= most)
    under.none("  sooner than the growing interval allows", _too_early(times_ms))
    under.each("reads of another reader meanwhile", reads, tries)
    under.row("  its own rejections answered, each asked once", answers, answers >= tries * SERVED)
    under.each("a refresh by an administrator", int(is_refreshed), 1)
    under.at_most("longest turn of the loop, ms", broker.status()["loop"]["longest_ms"], 2000)
    watching.tell(case.under("P13"))
    under.each("the broker ended well", int(broker.stop() == 0), 1)
