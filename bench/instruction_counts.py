# SPDX-License-Identifier: MIT
"""How many instructions a read and a publish take: counted by callgrind, so the same in every run on
whatever busy machine. Kept in instructions.json with what they depend on."""

import json
import platform
import re
import subprocess
import tempfile
from pathlib import Path

KEPT = Path(__file__).resolve().parent / "instructions.json"
CALLS = 100
ROOM = 1.05
# name: arguments of bench/instructions.c, the function that is counted with all that it calls
COUNTED = {
    **{f"get, {size} B": ("get", size, "tokenbroker_get") for size in (22, 300, 1024, 4096, 16384)},
    "generation": ("generation", 300, "tokenbroker_generation"),
    "publish, 300 B": ("publish", 300, "segment_writer_publish"),
}
TWICE = ("get, 300 B", "publish, 300 B")


def _total(build, what, size, function, calls):
    """What begins and ends a segment is in it."""
    with tempfile.NamedTemporaryFile(prefix="tb-callgrind.") as output:
        subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={output.name}",
                        f"--toggle-collect={function}", str(build / "bench/instructions"), what, str(size), str(calls)],
                       check=True, capture_output=True, timeout=120)
        text = Path(output.name).read_text(encoding="utf-8")
    return int(re.search(r"^(?:totals|summary): (\d+)", text, re.M)[1])


def count(build, names=tuple(COUNTED), tries=5):
    """{name: instructions a call}. A run in which calls differed, because a second went by, is made again."""
    counts = {}
    for name in names:
        what, size, function = COUNTED[name]
        for _ in range(tries):
            few, many = (_total(build, what, size, function, calls) for calls in (1, 1 + CALLS))
            if many > few and (many - few) % CALLS == 0:
                break
        else:
            raise AssertionError(f"{name}: {CALLS} equal calls took {many - few} instructions: not the same each")
        counts[name] = (many - few) // CALLS
    return counts


def conditions(build):
    """Compiler with its version and flags as they stand in an object, libc, architecture."""
    info = subprocess.run(["readelf", "--debug-dump=info", str(build / "clientlib/get.o")], check=True,
                          capture_output=True, text=True).stdout
    producer = re.search(r"DW_AT_producer\s*:(?: \(indirect[^)]*\):)?\s*(.+)", info)
    return {"compiler": producer[1].strip() if producer else "unknown", "libc": " ".join(platform.libc_ver()),
            "machine": platform.machine()}


def kept():
    return json.loads(KEPT.read_text(encoding="utf-8"))


def record(build):
    text = json.dumps({"conditions": conditions(build), "instructions": count(build)}, indent=1)
    KEPT.write_text(text + "\n", encoding="utf-8")
    return text


def faults(build):
    """What takes more than was recorded, and a word on what was compared. Some are counted twice in any
    case: figures that do not repeat could not show anything."""
    counts, again = count(build), count(build, TWICE)
    found = [f"{name}: {counts[name]} instructions, then {again[name]}: not repeatable"
             for name in TWICE if counts[name] != again[name]]
    recorded = kept()
    if recorded["conditions"] != conditions(build):
        return found, f"nothing to compare with: {KEPT.name} was made with {recorded['conditions']}"
    found += [f"{name}: {counts[name]} instructions, {recorded['instructions'][name]} are recorded (make bench-record)"
              for name in COUNTED if counts[name] > recorded["instructions"][name] * ROOM]
    return found, f"{len(counts)} counts, compared with {KEPT.name}: at most {ROOM} times as many"
