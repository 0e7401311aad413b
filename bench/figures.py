# SPDX-License-Identifier: MIT
"""What the parts share: medians and percentiles, runs of several things in turn, bench programs."""

import json
import statistics
import subprocess
import time

is_short = False  # bench/bench --short


def rounds(count):
    """So many, or a few where only the measuring itself is tried."""
    return min(count, 3) if is_short else count


def median(values):
    return statistics.median(values)


def percentile(values, percent):
    """The smallest value that percent of all do not exceed."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(int(rank), 1) - 1]


def timed(function):
    """Seconds that one call took."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def in_turn(functions, rounds):
    """{name: seconds of each call}: one call of each a round, so that noise hits all of them."""
    taken = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            taken[name].append(timed(function))
    return taken


def command(argv):
    """For in_turn(): a process that must succeed."""
    argv = [str(argument) for argument in argv]

    def run():
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return run


def program(build, name, *arguments, env=None, timeout=300):
    """What bench/NAME.c prints: one line of JSON."""
    argv = [str(build / "bench" / name), *(str(argument) for argument in arguments)]
    run = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, env=env, timeout=timeout)
    return json.loads(run.stdout)
