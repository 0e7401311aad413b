# SPDX-License-Identifier: MIT
"""Descriptors that are used up: the broker's own, and the places on its control socket."""

import resource
import sys
import time

import control
from limits import descriptors, limited, lowest_free_descriptor
from proof import Readers
from tb import READER_UID, fingerprint, wait_until

PAUSED = "control.sock: connections wait"
FIRST_UID = 20000
CROWDS = 15  # users, each with the 16 places that one may hold: all but the administrators'

# Holds 16 places without a word; who is cut off after a second comes again.
HOLD = """
import select, socket, sys
def connect():
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(sys.argv[1])
    return connection
held = [connect() for _ in range(16)]
print("holding", flush=True)
while True:
    for connection in select.select(held, [], [])[0]:
        held.remove(connection)
        connection.close()
        held.append(connect())
"""


def _lines(broker, text):
    return sum(text in line for line in broker.err_lines())


def _knock(world):
    """Somebody connects, and is not answered before there is a descriptor again."""
    connection = control.connect(world.runtime_dir, 30)
    connection.send(control.pack(control.REFRESH))
    return connection


def _warns(status):
    return any(PAUSED in warning for warning in status["config"]["warnings"])


def _at_rest(look):
    """Without what a request takes, or the status as it is written."""
    looks = []
    for _ in range(20):
        looks.append(look())
        time.sleep(0.05)
    return min(looks)


def _live_without(world, broker, number):
    """(ms until the next token was there, the answer to who had waited)"""
    counted = world.token_status()["counters"]["fetches"]["failed"]
    with limited(broker, resource.RLIMIT_NOFILE, _at_rest(lambda: lowest_free_descriptor(broker.pid))):
        waiting = _knock(world)
        wait_until(lambda: _lines(broker, PAUSED) > 0, 10, "a line on the control socket")
        wait_until(lambda: _lines(broker, "failing:") >= number, 10, "a line on the failed fetch")
    freed = time.monotonic()
    with waiting:
        answer = control.receive(waiting)
    broker.wait_status(_warns)
    before = fingerprint(world.cli("get", uid=READER_UID).out.strip())
    wait_until(lambda: fingerprint(world.cli("get", uid=READER_UID).out.strip()) != before, 30, "the next token")
    recovered_ms = round((time.monotonic() - freed) * 1000)
    broker.wait_token(lambda token: token["counters"]["fetches"]["failed"] > counted
                      and token["consecutive_failures"] == 0)
    return recovered_ms, answer


def descriptors_used_up(case, world, tries):
    """A broker that refreshes each second, and may open nothing more."""
    server = world.auth_server()
    server.settings(expires_in=100)
    broker = world.ready_broker(server, refresh_percent=1, refresh_jitter_percent=0, retry_max=2)
    readers = Readers(world)
    open_at_rest = _at_rest(lambda: descriptors(broker.pid))
    outcomes = [_live_without(world, broker, number + 1) for number in range(tries)]
    case.each("times without a descriptor", len(outcomes), tries)
    lines = _lines(broker, PAUSED)  # one while it goes on, which it does from one try to the next
    case.row("  lines in the log for the control socket", lines, 0 < lines <= tries)
    case.row("  lines in the log for fetches", _lines(broker, "failing:"), _lines(broker, "failing:") >= tries)
    case.each("  who had connected was answered then", sum(answer is not None for _, answer in outcomes), tries)
    case.at_most("  slowest recovery, ms", max(ms for ms, _ in outcomes), 10000)
    readers.tell(case)
    wait_until(lambda: descriptors(broker.pid) <= open_at_rest, 10, "the descriptors closed again")
    case.each("the broker ended well", int(broker.stop() == 0), 1)


def _command(world, number):
    started = time.monotonic()
    answer = world.control(number)
    return answer.result, round((time.monotonic() - started) * 1000)


def control_places_held(case, world, tries):
    """All places are held by readers; administrators suspend and resume."""
    server = world.auth_server()
    uids = range(FIRST_UID, FIRST_UID + CROWDS)
    broker = world.ready_broker(server, readers=[str(uid) for uid in uids] + [str(READER_UID)])
    holders = [world.process([sys.executable, "-c", HOLD, world.runtime_dir / "control.sock"], "holder", uid=uid)
               for uid in uids]
    for holder in holders:
        wait_until(lambda holder=holder: "holding" in holder.out(), 30, "the places held")
    refused = world.control(control.REJECT, uid=READER_UID, generation=broker.token_status()["generation"])
    answers = [_command(world, number) for _ in range(tries) for number in (control.SUSPEND, control.RESUME)]
    case.row("places held", CROWDS * 16, all(holder.is_running() for holder in holders))
    case.each("  a reader more was told to come later", int(refused.result == "busy"), 1)
    case.each("administrators' commands carried out", sum(result == "accepted" for result, _ in answers), 2 * tries)
    case.at_most("  slowest answer, ms", max(ms for _, ms in answers), 2000)
    for holder in holders:
        holder.kill()
    broker.wait_token(lambda token: token["state"] == "valid")
    case.at_most("longest turn of the loop, ms", broker.status()["loop"]["longest_ms"], 1500)
    case.each("the broker ended well", int(broker.stop() == 0), 1)
