# SPDX-License-Identifier: MIT
"""What a process has, and may have no more of."""

import os
import resource
from contextlib import contextmanager
from pathlib import Path

from broker import BROKER_UID
from processes import as_uid


@contextmanager
def limited(broker, which, value):
    """A limit on a running broker. By its own user: root in a container may lack the right to."""
    before = as_uid(BROKER_UID, resource.prlimit, broker.pid, which)
    as_uid(BROKER_UID, resource.prlimit, broker.pid, which, (value, before[1]))
    try:
        yield
    finally:
        as_uid(BROKER_UID, resource.prlimit, broker.pid, which, before)


def status_kib(pid, key):
    """A line of /proc/PID/status that counts KiB, VmRSS for example."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key + ":"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def lowest_free_descriptor(pid):
    """What its next one will be: RLIMIT_NOFILE bounds the number, however many there are."""
    used = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    return next(number for number in range(len(used) + 1) if number not in used)
