# SPDX-License-Identifier: MIT
"""A name server on loopback that answers for 127.0.0.1, or as ordered. As root, in a mount namespace."""

import asyncio
import bisect
import collections
import os
import struct
import time

from chaos_faults import CONNECT_TIMEOUT_S

ZONE = "chaos.test"  # in no real name service: RFC 6761
LATEST = 200
SLOW_S = {"slow": 0.2, "slower": CONNECT_TIMEOUT_S - 0.5, "too slow": CONNECT_TIMEOUT_S + 0.5}
A, NOERROR, SERVFAIL, NXDOMAIN = 1, 0, 2, 3


class NameServer(asyncio.DatagramProtocol):
    def __init__(self):
        self.address = f"127.{1 + os.getpid() % 250}.{1 + os.getpid() // 250 % 250}.53"  # two runs, two servers
        self.orders = {}  # {name: how}
        self.questions = {}  # {name: how often it was asked for while something was ordered}
        self._untaken = collections.defaultdict(lambda: collections.deque(maxlen=LATEST))  # {name: times of questions}
        self._ordered = collections.defaultdict(list)  # {name: times of questions while something was ordered}
        self._transport = None

    async def start(self):
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=(self.address, 53))

    def connection_made(self, transport):
        self._transport = transport

    def datagram_received(self, data, addr):
        name, kind, question = _question(data)
        how = self.orders.get(name)
        now = time.monotonic()
        self._untaken[name].append(now)
        if how is not None:
            self.questions[name] = self.questions.get(name, 0) + 1
            self._ordered[name].append(now)
        if how == "silent":
            return
        code = {"unknown": NXDOMAIN, "failing": SERVFAIL}.get(how, NOERROR)
        has_answer = kind == A and (how is None or how in SLOW_S)
        answer = b"\xc0\x0c" + struct.pack(">HHIH4B", A, 1, 0, 4, 127, 0, 0, 1) if has_answer else b""
        head = data[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, int(has_answer), 0, 0)
        asyncio.get_running_loop().call_later(SLOW_S.get(how, 0), self._transport.sendto, head + question + answer, addr)

    def take(self, name):
        """When it was asked for since the last call, by time.monotonic()."""
        return list(self._untaken.pop(name, ()))

    def asked(self, name, since):
        """How often, while something was ordered."""
        times = self._ordered[name]
        return len(times) - bisect.bisect_left(times, since)


def _question(data):
    """(name, type, its bytes)"""
    labels, at = [], 12
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode())
        at += 1 + data[at]
    return ".".join(labels), struct.unpack_from(">H", data, at + 1)[0], data[12:at + 5]
