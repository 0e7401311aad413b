# SPDX-License-Identifier: MIT
"""Segments as include/tokenbroker_segment.h lays them out, read as plain bytes."""

import hashlib
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from tokens import FNV_START, fingerprint, fnv1a

SHM = Path("/dev/shm")
MAGIC = 0x315242544B4F5442
RETIRED = 1 << 63
STATES = ("none", "valid", "expired", "suspended")

HEADER = struct.Struct("=QHHIIIIIQIIIIII16s16sQQII64s64sQ")
HEAD_OFFSET = 0x100
WAKE_OFFSET = 0x180
SLOT_META = struct.Struct("=QQqqqIIIIQQ")
assert HEADER.size == HEAD_OFFSET and SLOT_META.size == 0x48


@dataclass
class Slot:
    seq: int
    generation: int
    expires_boottime_ns: int
    expires_realtime_ns: int
    issued_realtime_ns: int
    length: int
    state: int
    flags: int
    error: int
    source_id: int
    sum: int
    token: bytes  # the length bytes, not what stands behind them
    area: bytes  # all bytes that a token can take
    is_sum_right: bool

    def __repr__(self):  # without the token: it would be printed by a failing assertion
        return (f"Slot(seq={self.seq}, generation={self.generation}, length={self.length}, "
                f"state={STATES[self.state]}, token={fingerprint(self.token)})")


@dataclass
class Segment:
    abi_major: int
    abi_minor: int
    incompat_flags: int
    compat_flags: int
    segment_bytes: int
    slot_count: int
    token_capacity: int
    segment_id: bytes
    boot_id: bytes
    runtime_id: int
    broker_uid: int
    name: str
    is_header_sum_right: bool
    count: int  # of publishes
    is_retired: bool
    wake: int
    epoch: int
    slots: list

    def current(self):
        """The slot that readers read, or None before the first publish."""
        return self.slots[self.count % self.slot_count] if self.count > 0 else None


def parse(data):
    """data: the bytes of a segment, or its path."""
    if isinstance(data, (str, os.PathLike)):
        data = Path(data).read_bytes()
    (magic, major, minor, header_bytes, _, incompat, compat, _, size, slot_offset, stride, slot_count,
     token_offset, capacity, _, segment_id, boot_id, runtime_id, _, uid, _, name, _,
     header_sum) = HEADER.unpack_from(data)
    if magic != MAGIC:
        raise ValueError("this is no segment")
    head, = struct.unpack_from("=Q", data, HEAD_OFFSET)
    wake, epoch = struct.unpack_from("=II", data, WAKE_OFFSET)
    slots = [_parse_slot(data, slot_offset + index * stride, token_offset, capacity)
             for index in range(slot_count)]
    return Segment(major, minor, incompat, compat, size, slot_count, capacity, segment_id, boot_id,
                   runtime_id, uid, name.rstrip(b"\0").decode(),
                   header_sum == fnv1a(data[:header_bytes - 8]), head & ~RETIRED,
                   bool(head & RETIRED), wake, epoch, slots)


def _parse_slot(data, offset, token_offset, capacity):
    words = SLOT_META.unpack_from(data, offset)
    area = data[offset + token_offset:offset + token_offset + capacity]
    token = area[:words[5]]
    value = fnv1a(struct.pack("=Q", words[0]), FNV_START)
    value = fnv1a(data[offset + 8:offset + 0x40], value)
    return Slot(*words, token, area, fnv1a(token, value) == words[10])


def runtime_id(runtime_dir):
    """Of the broker that serves runtime_dir: the first 8 bytes of SHA-256 of its real path."""
    digest = hashlib.sha256(os.path.realpath(runtime_dir).encode()).digest()
    return int.from_bytes(digest[:8], "big")


def shared_memory_of(runtime_dir):
    """All shared memory segments of the broker that serves runtime_dir, linked or not."""
    wanted = runtime_id(runtime_dir)
    return [path for path in SHM.glob("tokenbroker.*") if _runtime_id_in(path) == wanted]


def _runtime_id_in(path):
    try:
        # Without waiting: another test may have put a FIFO there.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            header = file.read(HEADER.size)
        return HEADER.unpack(header)[17]
    except (OSError, struct.error):
        return None
