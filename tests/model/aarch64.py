# SPDX-License-Identifier: MIT
"""The order in which compiled code for AArch64 orders memory, over every path through a function.

clang makes the code; a few declarations stand in for the C library, so that none for that machine is
needed. Nothing is run: emulators do not show what real machines reorder. Which load is one of the segment's,
and which a variable's, is told by the place in the source that clang made it for.
"""

import re
import subprocess
import tempfile
from pathlib import Path

import atomics

ROOT = Path(__file__).resolve().parents[2]
STAND_INS = {
    "string.h": "#include <stddef.h>\nvoid *memcpy(void *, const void *, size_t);\n"
                "void explicit_bzero(void *, size_t);\n",
    "sched.h": "int sched_yield(void);\n",
    "time.h": "struct timespec { long tv_sec, tv_nsec; };\nint clock_gettime(int, struct timespec *);\n"
              "#define CLOCK_BOOTTIME 7\n",
    "errno.h": "extern int errno;\nenum { EINVAL = 1, ENOBUFS, ENOKEY, EKEYEXPIRED, EKEYREVOKED };\n",
    "assert.h": "#define assert(condition) ((void)0)\n",
    "sys/types.h": "typedef unsigned uid_t;\n",
}
SYNCHRONIZES = re.compile(r"^\s+(ldar|stlr|dmb)\s+(ishld|ish\b)?", re.I)
JUMP = re.compile(r"^\s+(b|b\.\w+|cbn?z|tbn?z)\s+(?:\w+, )?(?:#\d+, )?(\.?\w+)\s*(?://.*)?$")
CALL = re.compile(r"^\s+bl\s+(\w+)")
JUMP_BY_TABLE = re.compile(r"^\s+br\s")
TABLE_ENTRY = re.compile(r"^\s+\.\w+\s+\(?(\.LBB\w+)-")
LOAD = re.compile(r"^\s+ld(ar|u?r|p)\b.*\[(?:\w+)(?:, #(\d+))?\]", re.I)
MADE_FOR = re.compile(r"^\s+\.loc\s+(\d+)\s+(\d+)\s+(\d+)")  # file, line, column
# A file of the source: its number, and its name as the last of the strings.
FILE = re.compile(r'^\s+\.file\s+(\d+)\s.*?"([^"]*)"(?:\s+md5 \w+)?\s*$')


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
                               "-nostdlibinc", "-gdwarf-4", "-gline-tables-only", *includes, "-S", "-o", "-", source],
                              check=True, capture_output=True, text=True, timeout=120).stdout


def of_litmus(text):
    """The synchronizing instructions of each process of a litmus file in assembly."""
    return [[event for event in map(_synchronizing, column) if event] for column in _columns(text)]


def loads_of_litmus(text, process):
    """Those of one process with its loads, and what they load: "ldar head", "ldr slot". Of equal neighbours one."""
    places = {register: "head" if name == "head" else "slot"
              for register, name in re.findall(rf"\b{process}:(\w+)=(\w+)", text)}
    found = []
    for line in _columns(text)[process]:
        load = re.match(r"\s+(LDA?R)\s+\w+,\s*\[(\w+)\]", line)
        event = f"{load[1].lower()} {places[load[2]]}" if load else _synchronizing(line)
        if event and event != (found or [None])[-1]:
            found.append(event)
    return found


def _columns(text):
    rows = [[f" {cell.strip()}" for cell in line.rstrip(" ;").split("|")] for line in text.splitlines() if "|" in line]
    return list(zip(*rows))


def _synchronizing(line):
    match = SYNCHRONIZES.match(line)
    return " ".join(part for part in match.groups() if part).lower() if match else None


class Code:
    """Walks through assembly with what synchronized last, for all paths at once."""

    def __init__(self, assembly, name, text=None):
        """With the text of the source file called name, loads from shared words count, too, as "ldr slot"."""
        self.lines = [line.split("//")[0].rstrip() for line in assembly.splitlines()]
        self.labels = {line[:-1]: at for at, line in enumerate(self.lines) if line.endswith(":")}
        self.table_targets = {self.labels[entry[1]] for entry in map(TABLE_ENTRY.match, self.lines) if entry}
        self.events = [_synchronizing(line) for line in self.lines]
        if text is not None:
            self._name_loads(Path(name).name, text.splitlines())
        self._ends = {}

    def _name_loads(self, name, source):
        files = {match[1] for match in map(FILE.match, self.lines) if match and Path(match[2]).name == name}
        made_for = ""
        for at, line in enumerate(self.lines):
            where, load = MADE_FOR.match(line), LOAD.match(line)
            if where:
                is_told = where[1] in files and where[2] != "0"
                made_for = source[int(where[2]) - 1][int(where[3]) - 1:] if is_told else ""
            elif load and made_for.startswith("atomic_load_explicit("):
                place = atomics.place(made_for)
                # What else of the handle is loaded has nothing to do with the segment.
                self.events[at] = None if place == "handle" else f"{'ldar' if load[1] == 'ar' else 'ldr'} {place}"

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
            if JUMP_BY_TABLE.match(line):
                end = next(i for i in range(at, len(self.lines)) if self.lines[i].startswith(".Lfunc_end"))
                todo += [(target, last) for target in self.table_targets if self.labels[function] < target < end]
                continue
            todo += self._next(line, at, last, pairs, ends)
        return pairs, ends

    def _next(self, line, at, last, pairs, ends):
        """Where it goes on from here, and with which last instruction."""
        here = self.events[at]
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
