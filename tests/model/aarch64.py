# SPDX-License-Identifier: MIT
"""The order in which compiled code for AArch64 orders memory, over every path through a function.

clang makes the code; a few declarations stand in for the C library, so that none for that machine is
needed. Nothing is run: emulators do not show what real machines reorder.
"""

import re
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STAND_INS = {
    "string.h": "#include <stddef.h>\nvoid *memcpy(void *, const void *, size_t);\n"
                "void explicit_bzero(void *, size_t);\n",
    "sched.h": "int sched_yield(void);\n",
    "assert.h": "#define assert(condition) ((void)0)\n",
    "sys/types.h": "typedef unsigned uid_t;\n",
}
SYNCHRONIZES = re.compile(r"^\s+(ldar|stlr|dmb)\s+(ishld|ish\b)?", re.I)
JUMP = re.compile(r"^\s+(b|b\.\w+|cbn?z|tbn?z)\s+(?:\w+, )?(?:#\d+, )?(\.?\w+)\s*(?://.*)?$")
CALL = re.compile(r"^\s+bl\s+(\w+)")


def compile_text(text, name):
    """Assembly of a C file of the repository, whose text may have been changed."""
    with tempfile.TemporaryDirectory(prefix="tb-order.") as directory:
        for header, declarations in STAND_INS.items():
            path = Path(directory) / header
            path.parent.mkdir(exist_ok=True)
            path.write_text(declarations, encoding="ascii")
        source = Path(directory) / Path(name).name
        source.write_text(text, encoding="utf-8")
        includes = [f"-I{path}" for path in (directory, ROOT / "include", ROOT, ROOT / "broker")]
        return subprocess.run(["clang", "--target=aarch64-linux-gnu", "-std=c11", "-O2", "-ffreestanding",
                               "-nostdlibinc", *includes, "-S", "-o", "-", source],
                              check=True, capture_output=True, text=True, timeout=120).stdout


def of_litmus(text):
    """The synchronizing instructions of each process of a litmus file in assembly."""
    columns = [[cell.strip() for cell in line.rstrip(" ;").split("|")] for line in text.splitlines() if "|" in line]
    return [[_synchronizing(f" {cell}") for cell in column if _synchronizing(f" {cell}")] for column in zip(*columns)]


def _synchronizing(line):
    match = SYNCHRONIZES.match(line)
    return " ".join(part for part in match.groups() if part).lower() if match else None


class Code:
    """Walks through assembly with what synchronized last, for all paths at once."""

    def __init__(self, assembly):
        self.lines = [line.split("//")[0].rstrip() for line in assembly.splitlines()]
        self.labels = {line[:-1]: at for at, line in enumerate(self.lines) if line.endswith(":")}
        self._ends = {}

    def pairs(self, function, before="start"):
        """({(instruction, the next one)}, {the last one}) over every way through the function."""
        key = (function, before)
        if key not in self._ends:
            self._ends[key] = (set(), set())  # for a recursion, of which there is none here
            self._ends[key] = self._walk(function, before)
        return self._ends[key]

    def _walk(self, function, before):
        pairs, ends, seen = set(), set(), set()
        todo = [(self.labels[function] + 1, before)]
        while todo:
            at, last = todo.pop()
            if (at, last) in seen or at >= len(self.lines):
                continue
            seen.add((at, last))
            line = self.lines[at]
            if re.match(r"^\s+ret\b", line):
                ends.add(last)
                continue
            todo += self._next(line, at, last, pairs, ends)
        return pairs, ends

    def _next(self, line, at, last, pairs, ends):
        """Where it goes on from here, and with which last instruction."""
        here = _synchronizing(line)
        call, jump = CALL.match(line), JUMP.match(line)
        if here:
            pairs.add((last, here))
            return [(at + 1, here)]
        if call and call[1] in self.labels:
            inner, lasts = self.pairs(call[1], last)
            pairs |= inner
            return [(at + 1, end) for end in lasts]
        if jump and jump[2] not in self.labels:  # a call at the end, of a function elsewhere
            ends.add(last)
            return []
        if jump:
            others = [] if jump[1] == "b" else [(at + 1, last)]
            return others + [(self.labels[jump[2]], last)]
        return [(at + 1, last)]
