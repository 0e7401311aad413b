# SPDX-License-Identifier: MIT
"""What a read costs, over the size of the token, the number of readers, an idle and a busy writer."""

import collections
import os
import re
import subprocess

import figures
from pictures import block

ORDER = 10
TITLE = "tokenbroker_get() and tokenbroker_generation(), ns a call"

# Bytes of the token, and how many times its floor a get may cost.
GOALS = {22: 1.3, 300: 1.3, 1024: 1.8, 4096: 2.2, 16384: 2.2}
READERS = (1, 2, 4, 16)
# Of several readers: one small and one large.
READERS_SIZES = (300, 16384)
# A writer that publishes every ms does so at least so often.
PUBLISHES_PER_MS = 0.5
ROUNDS = 1500
COUNTED_S = 5


def _rounds(size, readers):
    return figures.rounds(max(ROUNDS * 300 // max(size, 300) // readers, 100))


def _read(build, size, readers, writer):
    return figures.program(build, "read", size, readers, writer, _rounds(size, readers))


def measure(table, build):
    alone = _over_size(table, build)
    for writer in ("idle", "busy"):
        for size in READERS_SIZES:
            _over_readers(table, build, size, writer, alone[size, writer])
    _system_calls(table, build)


def _suffix(writer):
    return ", a publish every ms" if writer == "busy" else ""


def _check_writer(table, told, name, writer):
    """A few rounds are over before it has published twice."""
    if writer == "busy" and not figures.is_short:
        rate = told["publishes_per_ms"]
        table.check(f"{name}: {rate:.2f} publishes a ms", rate >= PUBLISHES_PER_MS)


def _over_size(table, build):
    """{(size, writer): what one reader took}."""
    alone = {}
    for writer in ("idle", "busy"):
        for size, goal in GOALS.items():
            alone[size, writer] = told = _read(build, size, 1, writer)
            name = f"get, {size} B{_suffix(writer)}"
            get, floor = told["get"], told["get_floor"]
            table.row(name, get["median"], "ns", "clock + memcpy", floor["median"], ("<=", goal),
                      data={"size": size, "writer": writer, "readers": 1, "told": told})
            table.row(f"{name}: 99th percentile", get["p99"], "ns", "clock + memcpy", floor["p99"])
            table.row(f"{name}, with info", told["get_with_info"]["median"], "ns", "without", get["median"])
            _generation_rows(table, told, size, writer)
            _check_writer(table, told, name, writer)
    return alone


def _generation_rows(table, told, size, writer):
    """At most 3 ns, or at most two loads with their call."""
    ours, load = told["generation"]["median"], told["generation_floor"]["median"]
    name = f"generation, {size} B{_suffix(writer)}"
    table.row(name, ours, "ns", goal=("<=", max(3.0, 2 * load)))
    if size == 300:
        table.row(f"{name}: beside one load", ours, "ns", "a load and its call", load)
        table.row(f"{name}: 99th percentile", told["generation"]["p99"], "ns", "a load and its call",
                  told["generation_floor"]["p99"])
        table.row(f"{name}, then the clock", told["generation_and_clock"]["median"], "ns", "the clock",
                  told["clock"]["median"])


def _over_readers(table, build, size, writer, alone):
    """More readers than processors share them: the same batches take as long while they run."""
    for readers in READERS[1:]:
        told = _read(build, size, readers, writer)
        name = f"{size} B, {readers} readers{_suffix(writer)}"
        table.row(f"get, {name}", told["get"]["median"], "ns", "one reader", alone["get"]["median"], ("<=", 1.1),
                  data={"size": size, "writer": writer, "readers": readers, "told": told})
        table.row(f"generation, {name}", told["generation"]["median"], "ns", "one reader",
                  alone["generation"]["median"], ("<=", 1.1))
        _check_writer(table, told, name, writer)


def _system_calls(table, build):
    """Between two system calls that mark begin and end."""
    run = subprocess.run(["strace", "-f", "-o", "/dev/stdout", str(build / "bench/read_calls"), str(COUNTED_S)],
                         check=True, capture_output=True, text=True, timeout=60,
                         env={**os.environ, "LD_BIND_NOW": "1"})
    calls = [found[1] for line in run.stdout.splitlines() if (found := re.match(r"\d+ +(\w+)\(", line))]
    begin, end = (number for number, call in enumerate(calls) if call == "getppid")
    counted = collections.Counter(calls[begin + 1:end])
    reads = int(run.stderr)
    links = counted.pop("readlinkat", 0) + counted.pop("readlink", 0)
    table.row(f"reads in {COUNTED_S} s under strace", reads, "reads")
    table.row("looks at the name meanwhile", links, "calls", goal=("<=", COUNTED_S + 1))
    table.row("other system calls meanwhile", counted.total(), "calls", goal=("<=", 0))
    table.check("the name was looked at while it was counted", links >= COUNTED_S - 2 and reads > 10000)


def pictures(rows):
    """Over the size of the token; over readers."""
    of_size = [row.data for row in rows if row.data.get("readers") == 1 and row.data["writer"] == "idle"]
    of_readers = [row.data for row in rows if "readers" in row.data and row.data["size"] == 300
                  and row.data["writer"] == "idle"]

    def cells(data, key):
        told = data["told"]
        return [data[key], told["get"]["median"], told["get_floor"]["median"], told["generation"]["median"]]

    lines = "plot $data using 1:2 with linespoints lw 2 pt 7 lc rgb '#1f5fa8' title 'tokenbroker_get', " \
            "$data using 1:3 with linespoints lw 2 pt 6 lc rgb '#888888' title 'floor: clock and memcpy', " \
            "$data using 1:4 with linespoints lw 2 pt 5 lc rgb '#c8641e' title 'tokenbroker_generation'\n"
    size = block("data", [cells(data, "size") for data in of_size]) + \
        "set logscale xy\nset xrange [15:24000]\nset xtics (22, 300, 1024, 4096, 16384)\nset yrange [1:1000]\n" \
        "set xlabel 'bytes of the token'\nset ylabel 'ns a call'\n" + lines
    readers = block("data", [cells(data, "readers") for data in of_readers]) + \
        f"set logscale x\nset xrange [0.9:18]\nset xtics ({', '.join(map(str, READERS))})\nset yrange [0:60]\n" \
        "set xlabel 'reader processes, token of 300 bytes'\nset ylabel 'ns a call'\n" + lines
    return {"read-cost": size, "read-cost-readers": readers}
