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
PIECE_BYTES = 16
MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ *(.*)")


def forms(secret):
    """Every shape in which a client secret may travel."""
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret, safe="")
    for pair in (f"{CLIENT_ID}:{secret}", f"{quote_plus(CLIENT_ID)}:{quote_plus(secret, safe='')}"):
        yield _base64(pair)
    yield _base64(secret)  # not sent, but a server can tell it so


def _base64(text):
    """Without the end, which depends on what stands beside it."""
    return base64.b64encode(text.encode()).decode().rstrip("=")[:-2]


def pieces(*texts):
    """What to look for, so that a copy shows of which a part is left: an allocator writes over the first 16 bytes
    of what is freed, and a shorter text over more. Windows of 16 bytes, and the last 16."""
    found = set()
    for text in texts:
        found |= {text[at:at + PIECE_BYTES] for at in range(0, len(text) - PIECE_BYTES + 1, PIECE_BYTES)}
        found.add(text[-PIECE_BYTES:])
    return sorted(found)


def token_pieces(token):
    """What no other token of the test server has: the random text behind its first canary, and its check."""
    return [token[PIECE_BYTES:2 * PIECE_BYTES], token[-PIECE_BYTES:]]


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
