# SPDX-License-Identifier: MIT
"""From a publish to the processes that wait for it; from the order of a refresh, and its answer, to one of them."""

import time

import brokers
import control
import figures
import tb

ORDER = 30
TITLE = "from a publish to its waiters, beside a bare futex wake of as many"
# Waiters and rounds.
COUNTS = {1: 300, 100: 60, 1000: 12}
REFRESHES = 15
# Of a running broker: so many tokens, each refreshed so often; the server's milliseconds for an answer.
BROKER_TOKENS = 20
BROKER_PASSES = 3
LATENCY_MS = 10


def measure(table, build):
    for waiters, rounds in COUNTS.items():
        told = figures.program(build, "wake", waiters, figures.rounds(rounds))
        who = "1 waiter" if waiters == 1 else f"last of {waiters} waiters"
        table.row(f"{who} holds the token, median", told["token_last"]["median"] / 1000, "us", "bare futex",
                  told["bare_last"]["median"] / 1000, ("<=", 1.3))
        table.row(f"{who} holds the token, best of {rounds}", told["token_last"]["best"] / 1000, "us", "bare futex",
                  told["bare_last"]["best"] / 1000)
        if waiters == 1:
            wake_s = told["bare_last"]["median"] / 1e9
        else:
            table.row(f"the one in the middle of {waiters}, median", told["token_middle"]["median"] / 1000, "us",
                      "bare futex", told["bare_middle"]["median"] / 1000)
    with brokers.world(build) as made:
        _of_a_broker(table, made)
    with brokers.world(build) as made:
        _asked_and_answered(table, made, wake_s)


def _of_a_broker(table, made):
    """The broker's own way from its publish to its wake, as seen by a process that watches the generation."""
    server = brokers.auth_server(made)
    brokers.write_config(made, server, BROKER_TOKENS)
    made.broker()
    brokers.wait_all_valid(made, BROKER_TOKENS, 30)
    server.order(delay_ms=LATENCY_MS, count=-1)
    passes = 1 if figures.is_short else BROKER_PASSES
    told = figures.program(made.build, "broker_wake", passes, BROKER_TOKENS, made.runtime_dir / "control.sock",
                           env=made.environment())
    token, bare, count = told["token"], told["bare"], told["token_rounds"]
    table.row("a broker's publish: 1 waiter holds the token, median", token["median"] / 1000, "us", "bare futex",
              bare["median"] / 1000, ("<=", 1.3))
    table.row("a bare futex whose waker has 100 us of other work, median", told["bare_and_work"]["median"] / 1000, "us",
              "bare futex", bare["median"] / 1000)
    table.check(f"the watcher saw {count} of {passes * BROKER_TOKENS} publishes as they came",
                count >= passes * BROKER_TOKENS // 4)


def _asked_and_answered(table, made, wake_s):
    """A refresh is ordered, the broker asks the server, a process that waits gets the token. From the order, and
    (with a server that takes its time, so that somebody waits) from the server's answer; beside a curl process that
    makes the same request, and a bare wake."""
    server = brokers.auth_server(made)
    made.ready_broker(server)
    curl = figures.command(brokers.request_curl(made, server))
    with tb.Library(made.build).open(made.runtime_dir) as token:
        for start in ("the order of a refresh", "the server's answer"):
            ours, floor = [], []
            for _ in range(figures.rounds(REFRESHES)):
                time.sleep(1.1)  # retry_min: no second request within a second
                ours.append(_took(start, server, lambda: _refresh(made, token)))
                floor.append(_took(start, server, curl) + wake_s)
            table.row(f"from {start} to a waiter with the token, median", figures.median(ours) * 1000, "ms",
                      "curl and a wake", figures.median(floor) * 1000, ("<=", 1.3))
            server.order(delay_ms=LATENCY_MS, count=-1)


def _took(start, server, run):
    started = time.monotonic()
    run()
    ended = time.monotonic()
    answered_ns = server.answered_ns()
    assert answered_ns > 0
    return ended - (started if start == "the order of a refresh" else answered_ns / 1e9)


def _refresh(made, token):
    generation = token.generation()
    answer = made.control(control.REFRESH)
    assert answer.result == "accepted", answer
    assert token.wait(generation, 10000) == 0
    assert token.get()[0] == 0
