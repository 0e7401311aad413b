# SPDX-License-Identifier: MIT
"""What stands in the memory of a running process, and in which shapes a secret travels. As root."""

import base64
import re
import resource
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

from auth_server import CLIENT_ID

PAGE_BYTES = resource.getpagesize()
MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ *(.*)")


def forms(secret):
    """Every shape in which a client secret travels."""
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret, safe="")
    for pair in (f"{CLIENT_ID}:{secret}", f"{quote_plus(CLIENT_ID)}:{quote_plus(secret, safe='')}"):
        # Without the ends, which depend on what stands beside them.
        yield base64.b64encode(pair.encode()).decode().rstrip("=")[:-2]


@dataclass
class Mapping:
    name: str
    flags: frozenset  # as smaps has them: lo, locked; dd, not dumped; wf, not inherited
    data: bytes = field(repr=False)  # never in a failing assertion

    def is_segment(self):
        return "tokenbroker." in self.name


def mappings(pid):
    """All memory of a process that can be read."""
    start = end = 0
    name = permissions = ""
    for line in Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8", errors="replace").splitlines():
        if match := MAPPING.match(line):
            start, end = int(match[1], 16), int(match[2], 16)
            permissions, name = match[3], match[4] or f"anonymous {match[1]}"
        elif line.startswith("VmFlags:") and permissions.startswith("r") and not name.startswith("[v"):
            yield Mapping(name, frozenset(line.split()[1:]), _read(pid, start, end))


def _read(pid, start, end):
    """What has been unmapped meanwhile, or is device memory, reads as zeroes: the pages behind it are there still."""
    data = bytearray()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        while len(data) < end - start:
            memory.seek(start + len(data))
            try:
                piece = memory.read(end - start - len(data))
            except OSError:
                piece = b""
            data += piece or bytes(PAGE_BYTES - (start + len(data)) % PAGE_BYTES)
    return bytes(data)


def holders(pid, *texts):
    """The mappings that hold one of texts, once for each time."""
    found = []
    for mapping in mappings(pid):
        for text in texts:
            found += [mapping] * mapping.data.count(text.encode())
    return found


def copies(pid, *texts):
    """The names of holders()."""
    return [mapping.name for mapping in holders(pid, *texts)]


def dump(pid, to):
    """What gdb puts into a core file as the kernel would; its bytes."""
    subprocess.run(["gdb", "-batch", "-p", str(pid), "-ex", "set use-coredump-filter on",
                    "-ex", "set dump-excluded-mappings off", "-ex", f"gcore {to}"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=False)
    data = to.read_bytes()
    to.unlink()
    assert len(data) > 100000, "that is no core file"
    return data
