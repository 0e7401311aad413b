# SPDX-License-Identifier: MIT
"""What a run of chaos has done and seen: numbers, and each miss with what is needed to see it again."""

import asyncio
import collections
import sys
import time

TICK_S = 0.02


class Report:
    def __init__(self, seed):
        self.seed = seed
        self.done = collections.Counter()  # what was tried
        self.missed = collections.Counter()  # {invariant: how often it did not hold}
        self.recoveries_s = collections.defaultdict(list)  # {group of faults: seconds}
        self.longest_loop_ms = 0
        self.loops_ms = collections.defaultdict(list)  # {group of faults: the longest turn of a loop up to then}
        self.lag = Lag()

    def miss(self, invariant, where, detail):
        self.missed[invariant] += 1
        print(f"chaos: seed {self.seed}, {where}: {invariant}: {detail}", file=sys.stderr, flush=True)


async def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(TICK_S)
    return True


class Lag:
    """How late this process is: what it says of times cannot be more exact."""

    def __init__(self):
        self.longest_s = 0
        self._late = collections.deque(maxlen=int(5 / TICK_S))

    def recent_s(self):
        return max(self._late, default=0)

    async def watch(self):
        while True:
            began = time.monotonic()
            await asyncio.sleep(TICK_S)
            late_s = time.monotonic() - began - TICK_S
            self._late.append(late_s)
            self.longest_s = max(self.longest_s, late_s)
