# SPDX-License-Identifier: MIT
"""The broker with 1, 100 and 1,000 tokens: at rest, at its start, and while it refreshes all the time."""

import time
from contextlib import ExitStack

import brokers
from figures import median, program

ORDER = 60
TITLE = "tokenbrokerd at rest and at work"
COUNTS = (1, 100, 1000)
REST_S = 75
# Behind the scrubs of the last publish and the last document.
CALM_S = 3
LATENCY_MS = 20
FETCH_ROUNDS = 3
# Tokens that are refreshed after half of their 60 s: 1,000 of them make 33 requests a second.
WORK = {"expires_in": 60}
# One alone is refreshed after 2 s, or there would be nothing to divide by.
WORK_OF_ONE = {"expires_in": 4}
WORK_S = 30


def measure(table, build):
    _at_rest(table, build)
    _first_fetches(table, build)
    _at_work(table, build, _documents(table, build))


# --- at rest -------------------------------------------------------------------------------------

def _calm_broker(build, stack, count):
    """A world and its broker, which has nothing to do for the next hours."""
    made = stack.enter_context(brokers.world(build))
    brokers.write_config(made, brokers.auth_server(made, expires_in=86400), count)
    broker = made.broker()
    brokers.wait_all_valid(made, count, 120)
    return made, broker


def _counted(pid):
    return {"sleeps": brokers.sleeps(pid), "cpu_s": brokers.cpu_seconds(pid), "at": time.monotonic()}


def _rest_figures(made, broker, before):
    after = _counted(broker.pid)
    elapsed = after["at"] - before["at"]
    return {
        **brokers.memory_kib(broker.pid),
        "segments": brokers.segments_kib(made),
        "wakes": (after["sleeps"] - before["sleeps"]) * 60 / elapsed,
        "cpu": (after["cpu_s"] - before["cpu_s"]) * 3600 / elapsed,
    }


def _at_rest(table, build):
    """All three at the same time: what is counted is each process's own."""
    with ExitStack() as stack:
        running = {count: _calm_broker(build, stack, count) for count in COUNTS}
        time.sleep(CALM_S)
        before = {count: _counted(broker.pid) for count, (_, broker) in running.items()}
        time.sleep(REST_S)
        figures = {count: _rest_figures(*running[count], before[count]) for count in COUNTS}
        for count in COUNTS:
            table.check(f"{count} tokens: none was fetched meanwhile",
                        all(token["counters"]["fetches"]["ok"] == 1 for token in running[count][0].status()["tokens"]))
    for count, seen in figures.items():
        what = f"at rest, {count} tokens" if count > 1 else "at rest, 1 token"
        table.row(f"{what}: resident", seen["resident"], "KiB")
        table.row(f"{what}: private memory", seen["private"], "KiB")
        table.row(f"{what}: locked memory", seen["locked"], "KiB")
        table.row(f"{what}: segments", seen["segments"], "KiB")
        table.row(f"{what}: wake-ups", seen["wakes"], "/min", goal=("<=", 12))
        table.row(f"{what}: CPU, extrapolated from {REST_S} s", seen["cpu"], "s/h")
    _growth(table, figures)


def _growth(table, figures):
    """What a token costs, between 1 and 100, and between 100 and 1,000."""
    def slope(low, high, *keys):
        return sum(figures[high][key] - figures[low][key] for key in keys) / (high - low)
    memory = ("private", "segments")
    table.row("memory and segment of each token, 100 to 1,000", slope(100, 1000, *memory), "KiB",
              goal=("<=", 64))
    table.row("memory of each token grows linearly: 100 to 1,000", slope(100, 1000, *memory), "KiB", "1 to 100",
              slope(1, 100, *memory), ("<=", 1.1))
    table.row("CPU of each token at rest, 100 to 1,000", slope(100, 1000, "cpu") * 1000, "ms/h")


# --- the first fetch of all ----------------------------------------------------------------------

# The broker connects anew for every request, as it must; curl keeps its connections unless it is told this.
FRESH = ("--header", "Connection: close")


def _first_fetches(table, build):
    count = COUNTS[-1]
    with brokers.world(build) as made:
        server = brokers.auth_server(made)
        server.order(delay_ms=LATENCY_MS, count=-1)
        brokers.write_config(made, server, count, revoke_url=None)
        curls = [brokers.request_curl(made, server, count, options) for options in ((), FRESH)]
        taken = []
        for _ in range(FETCH_ROUNDS):
            taken.append(brokers.first_tokens(made, count, *curls))
            brokers.forget_tokens(made)
        _tell_first_fetches(table, count, taken)
        table.check("all three made as many requests", server.requests() == 3 * FETCH_ROUNDS * count)


def _tell_first_fetches(table, count, taken):
    """Elapsed time, and CPU time, which does not grow with what others do on the machine."""
    def medians(key):
        return [median([once[who][key] for once in taken]) / 1000 for who in range(3)]
    kept, fresh = "curl --parallel-max 16", "curl, fresh connections"
    what = f"{count} tokens first fetched, {LATENCY_MS} ms latency"
    ours, with_kept, with_fresh = medians("ms")
    table.row(what, ours, "s", kept, with_kept, ("<=", 1.5))
    table.row(f"{what}: beside fresh connections", ours, "s", fresh, with_fresh)
    ours, with_kept, with_fresh = medians("cpu_ms")
    table.row(f"{count} tokens first fetched: CPU time", ours, "s", kept, with_kept)
    table.row(f"{count} tokens first fetched: CPU time, fresh connections", ours, "s", fresh, with_fresh)


# --- the status document -------------------------------------------------------------------------

def _documents(table, build):
    """How long each takes, in the last size: {one, all: figures in ns}."""
    for count in COUNTS[1:]:
        told = program(build, "status", count)
        write = told["write"]["median"] / 1e6
        table.row(f"status of {count} tokens ({told['bytes'] / 1024:.0f} KiB), one has changed",
                  told["one"]["median"] / 1e6, "ms", "writing as much", write)
        table.row(f"status of {count} tokens, all have changed", told["all"]["median"] / 1e6, "ms",
                  "writing as much", write)
    return told


def _share(told, count, changed):
    """CPU seconds of one document in which so many tokens have changed."""
    one, every = told["one_cpu"] / 1e9, told["all_cpu"] / 1e9
    return one + max(changed - 1, 0) * (every - one) / (count - 1)


def _watch_status(made, seconds):
    """How many documents were published meanwhile."""
    path = made.runtime_dir / "status.json"
    seen = set()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        seen.add(path.stat().st_ino)
        time.sleep(0.01)
    return len(seen)


def _at_work(table, build, told):
    """What a refresh costs must hardly depend on how many other tokens there are: linear growth in all."""
    cpu_ms = {count: _refreshes(table, build, count, told) for count in COUNTS}
    table.row("CPU of a refresh with 100 tokens", cpu_ms[100], "ms", "with 1", cpu_ms[1])
    table.row("CPU of a refresh with 1,000 tokens", cpu_ms[1000], "ms", "with 100", cpu_ms[100], ("<=", 2))


def _refreshes(table, build, count, told):
    """The broker's CPU in ms for one, all included."""
    what = f"at work, {count} token{'s' if count > 1 else ''}"
    with brokers.world(build) as made:
        server = brokers.auth_server(made, **(WORK if count > 1 else WORK_OF_ONE))
        brokers.write_config(made, server, count)
        broker = made.broker()
        brokers.wait_all_valid(made, count, 240)
        time.sleep(CALM_S)
        before, requests = _counted(broker.pid), server.requests()
        documents = _watch_status(made, WORK_S)
        after = _counted(broker.pid)
        elapsed = after["at"] - before["at"]
        refreshes = (server.requests() - requests) / elapsed
        cpu = (after["cpu_s"] - before["cpu_s"]) / elapsed
        table.row(f"{what}: refreshes", refreshes, "/s")
        table.row(f"{what}: status documents", documents / elapsed, "/s", goal=("<=", 10))
        table.row(f"{what}: CPU", 100 * cpu, "%")
        if count == COUNTS[-1]:
            share = documents / elapsed * _share(told, count, refreshes * elapsed / documents)
            table.row(f"{what}: CPU for documents, reckoned from their time", 100 * share, "%")
        table.row(f"{what}: longest turn of the loop", made.status()["loop"]["longest_ms"], "ms")
        table.check(f"{what}: tokens were refreshed, and none was lost", refreshes > 0 and
                    all(token["state"] == "valid" for token in made.status()["tokens"]))
        return cpu / refreshes * 1000 if refreshes > 0 else 0.0
