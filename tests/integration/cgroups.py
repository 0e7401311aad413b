# SPDX-License-Identifier: MIT
"""A control group of a test's own, of either version (cgroups(7)), with a limit. As root."""

import os
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
# What a limit and the use of it are called: version 1, version 2.
FILES = {"memory": (("memory.limit_in_bytes", "memory.usage_in_bytes"), ("memory.max", "memory.current")),
         "pids": (("pids.max", "pids.current"), ("pids.max", "pids.current"))}


class Cgroup:
    def __init__(self, path, limit_file, use_file):
        self._path = path
        self._limit = path / limit_file
        self._use = path / use_file

    def add(self, pid):
        (self._path / "cgroup.procs").write_text(str(pid))

    def use(self):
        return int(self._use.read_text())

    def limit(self, value):
        """Of memory: nothing is swapped instead."""
        self._limit.write_text(str(value))
        for name, most in (("memory.swap.max", 0), ("memory.memsw.limit_in_bytes", value)):
            if self._limit.name.startswith("memory") and (self._path / name).exists():
                (self._path / name).write_text(str(most))

    def lift(self):
        if (self._path / "memory.memsw.limit_in_bytes").exists():
            (self._path / "memory.memsw.limit_in_bytes").write_text("-1")
        self._limit.write_text("-1" if self._limit.name.endswith("in_bytes") else "max")

    def remove(self):
        """Once its processes have ended."""
        deadline = time.monotonic() + 10
        while True:
            try:
                return self._path.rmdir()
            except OSError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05)


def _parent(controller):
    """(where groups of it are made, whether by version 2); None where that cannot be done."""
    if (ROOT / controller / "cgroup.procs").exists():
        return ROOT / controller, False
    control = ROOT / "cgroup.subtree_control"
    if control.exists() and controller in (ROOT / "cgroup.controllers").read_text().split():
        if controller not in control.read_text().split():
            control.write_text(f"+{controller}")
        return ROOT, True
    return None


def is_available(controller):
    try:
        with cgroup(controller):
            return True
    except OSError:
        return False


@contextmanager
def cgroup(controller):
    """A new group, and none any more afterwards: its processes must have ended, or left. OSError: there are none."""
    parent = _parent(controller)
    if parent is None:
        raise OSError(f"no control groups for {controller}")
    place, is_second = parent
    path = place / f"tokenbroker-test.{os.getpid()}.{time.monotonic_ns()}"
    path.mkdir()
    group = Cgroup(path, *FILES[controller][is_second])
    try:
        yield group
    finally:
        group.lift()
        group.remove()
