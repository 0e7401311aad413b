# SPDX-License-Identifier: MIT
"""What the proofs share: a table of what was tried and lost, and readers that look on."""

import collections
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

import segment  # noqa: E402
import tb  # noqa: E402
from processes import NICEST, last_in_turn  # noqa: E402

MAKING_S = 1  # another world's broker has long made its segment by then
CLONE_NEWNS = 0x00020000


class Table:
    """Lines of `ok|MISS  name  number`, printed as they come."""

    width = 62  # of the name

    def __init__(self):
        self.is_good = True

    def row(self, name, number, is_good=True):
        self.is_good &= is_good
        print(f"{'ok' if is_good else 'MISS':5} {name:{self.width}} {number:>12}", flush=True)

    def skip(self, name, why):
        """Nothing was tried, which is no success: not a row that counts as one."""
        print(f"skip  {name}: {why}", flush=True)

    def take_over(self, text):
        """The rows that another table has printed: one at least."""
        self.is_good &= text != "" and all(line.startswith(("ok ", "skip ")) for line in text.splitlines())
        print(text, end="", flush=True)


class Case:
    """The rows of one thing that was tried."""

    def __init__(self, table, name):
        self._table = table
        self._name = name

    def part(self, name):
        """Rows of a part of it."""
        return Case(self._table, f"{self._name}, {name}")

    def row(self, what, number, is_good=True):
        self._table.row(f"{self._name}: {what}", number, is_good)

    def skip(self, why):
        self._table.skip(self._name, why)

    def each(self, what, number, tries):
        """It went so every time."""
        self.row(what, number, number == tries > 0)

    def none(self, what, number):
        self.row(what, number, number == 0)

    def at_most(self, what, number, most):
        self.row(what, number, number <= most)

    def run(self, function, build, *arguments):
        """function(case, world, ...) in a world of its own; what fails in it is a miss, not the end."""
        try:
            world = tb.World(build)
            try:
                function(self, world, *arguments)
            finally:
                world.close()
        except AssertionError as error:
            print(error, file=sys.stderr)
            self.row("came to its end", 0, False)


def reader(world, name="default"):
    """The command line of one that reads a token without pause."""
    return [*NICEST, world.build / "tests/support/verify_reader", "86400", name]


def wait_reading(readers):
    """Until each has got a token: on a machine with other work, the nicest come late."""
    for process in readers:
        tb.wait_until(lambda process=process: "reading" in process.err(), 60, "a reader that reads")


class Readers:
    """Processes that read tokens without pause and check each copy; they leave the broker its turn. There is a token."""

    def __init__(self, world, count=1, uid=tb.READER_UID, names=("default",)):
        self.processes = [last_in_turn(world.process(reader(world, names[number % len(names)]), "reader", uid=uid))
                          for number in range(count)]
        wait_reading(self.processes)

    def wait_followed(self, path):
        """Until all have mapped this segment; one that they mapped long before may then be gone from their memory."""
        for process in self.processes:
            maps = Path(f"/proc/{process.pid}/maps")
            tb.wait_until(lambda maps=maps: str(path) in maps.read_text(encoding="ascii"), 60, "a reader that follows")

    def tell(self, case, always=True):
        """Their end, and three rows: no read failed, whatever was missing. always: there was a token."""
        seen = collections.Counter()
        for process in self.processes:
            process.terminate(30)
            told = json.loads(process.out())
            seen.update({key: told[key] for key in ("reads", "torn", "generation_went_back")})
            seen["errors"] += sum(told["errors"].values())
        case.row("verified reads", seen["reads"], seen["reads"] > 0)
        case.row("reads without a token", seen["errors"], not (always and seen["errors"]))
        case.none("torn tokens, generations that went back", seen["torn"] + seen["generation_went_back"])


def unfinished_segments(uid, since_s):
    """How many files of this user were made since then for segments, and given up before their header was whole."""
    time.sleep(MAKING_S)
    return sum(_is_unfinished(path, uid, since_s) for path in segment.SHM.glob("tokenbroker.default.*"))


def _is_unfinished(path, uid, since_s):
    try:
        status, data = path.stat(), path.read_bytes()
    except FileNotFoundError:
        return False
    return status.st_uid == uid and since_s < status.st_ctime < time.time() - MAKING_S and not any(data[:8])


def is_meant(part, words):
    """Whether all words are in the name of a part; =NAME means that one alone."""
    return all(word[1:] == part if word.startswith("=") else word in part for word in words)


def rows_of(part, argv):
    """What a proof prints that is run in a process of its own, with a miss where it does not tell why it failed."""
    done = subprocess.run([sys.executable, *argv], check=False, stdout=subprocess.PIPE, text=True)
    is_told = done.stdout != "" if done.returncode == 0 else "MISS" in done.stdout
    return done.stdout if is_told else f"{done.stdout}MISS  {part}: ended with {done.returncode}\n"


def all_rows(argv_of, at_a_time):
    """The rows of each part of argv_of, which says how it is run: they wait for much beside each other."""
    with ThreadPoolExecutor(at_a_time) as pool:
        yield from pool.map(rows_of, argv_of, argv_of.values())


def side_by_side(script, parts, *arguments, at_a_time=4):
    """What script prints for each of parts."""
    yield from all_rows({part: [script, *arguments, f"={part}"] for part in parts}, at_a_time)


def use_own_mounts():
    """What is mounted from now on is seen by nobody else, and gone at the end."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        sys.exit(f"no mount namespace: {os.strerror(ctypes.get_errno())}")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def _stop(number, _):
    """So that world.close() ends what was started."""
    sys.exit(128 + number)


def main(name, prove, table=None):
    """prove(table, build), as root; the exit status."""
    if not tb.IS_ROOT:
        sys.exit(f"{name}: run it as root, because the readers are users of their own")
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # of a shell's background job it is ignored, by its children, too
    table = table or Table()
    prove(table, Path(os.environ["TB_BUILD"]).resolve())
    return 0 if table.is_good else 1
