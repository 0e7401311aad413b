# SPDX-License-Identifier: MIT
"""The control socket as include/tokenbroker_control.h lays it out, with every byte open to a test."""

import socket
import struct
from dataclasses import dataclass

MAGIC = 0x4C525443
VERSION = 1
GROUPS = 96
REQUEST = struct.Struct("=IHHQ64sIIII96I32s")
ANSWER = struct.Struct("=IHHQQII32s")
assert REQUEST.size == 512 and ANSWER.size == 64

REJECT, REFRESH, REVOKE, SUSPEND, RESUME = range(1, 6)
SELF, USER, ACCESS_TOKEN = range(3)
RESULTS = (None, "accepted", "not_durable", "stale", "too_soon", "conflict", "denied", "unknown",
           "invalid", "busy")


@dataclass
class Answer:
    magic: int
    version: int
    result: str
    generation: int
    retry_after_ms: int
    state: int
    flags: int
    reserved: bytes


def pack(command, name="default", generation=0, origin=SELF, uid=0, gid=0, groups=(), *,
         magic=MAGIC, version=VERSION, group_count=None, reserved=b""):
    padded = [*groups, *[0] * (GROUPS - len(groups))]
    count = len(groups) if group_count is None else group_count
    name_bytes = name if isinstance(name, bytes) else name.encode()
    return REQUEST.pack(magic, version, command, generation, name_bytes, origin, uid, gid, count,
                        *padded, reserved)


def pack_answer(result):
    """As a broker says it."""
    return ANSWER.pack(MAGIC, VERSION, RESULTS.index(result), 0, 0, 0, 0, bytes(32))


def exchange(runtime_dir, message, timeout=5.0):
    """Sends message (bytes) and returns the Answer, or None if the broker just closes."""
    with connect(runtime_dir, timeout) as connection:
        try:
            connection.send(message)
        except BrokenPipeError:
            pass  # it may have answered and closed before
        return receive(connection)


def connect(runtime_dir, timeout=5.0):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.settimeout(timeout)
    try:
        connection.connect(f"{runtime_dir}/control.sock")
    except BaseException:
        connection.close()
        raise
    return connection


def receive(connection):
    try:
        data = connection.recv(2 * ANSWER.size)
    except ConnectionResetError:
        return None
    if not data:
        return None
    magic, version, result, generation, retry_after_ms, state, flags, reserved = ANSWER.unpack(data)
    return Answer(magic, version, RESULTS[result], generation, retry_after_ms, state, flags, reserved)


def command(runtime_dir, number, name="default", **fields):
    """command(runtime_dir, REFRESH, "default") -> Answer"""
    return exchange(runtime_dir, pack(number, name, **fields))


def waiting():
    """How many connections to control sockets wait to be accepted, as /proc/net/unix (5: state) has it."""
    with open("/proc/net/unix", encoding="ascii", errors="replace") as table:
        rows = [line.split() for line in table]
    return sum(1 for row in rows if row[-1].endswith("control.sock") and row[5] == "02")
