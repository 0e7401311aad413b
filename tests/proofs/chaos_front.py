# SPDX-License-Identifier: MIT
"""The address that a broker knows of its token server: hands requests on, or breaks them off as its fault says.

One for each token, so that what goes wrong below HTTP can be told apart; a secure one ends TLS itself."""

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import time
from dataclasses import dataclass

from chaos_faults import CLEAR, PLAIN, PROXIED, REQUEST_TIMEOUT_S, order_for
from tokens import fingerprint

LOOPBACK = "127.0.0.1"
HELD_S = REQUEST_TIMEOUT_S + 4  # no broker waits so long
CONNECTION_S = HELD_S + 30
HEAD_END = b"\r\n\r\n"
GARBAGE = b"\x15\x03\x01 this is neither TLS nor HTTP\r\n\r\n" * 4


@dataclass(eq=False)
class Attempt:
    """One connection, as it was seen from here."""
    at: float  # time.monotonic()
    fault: object
    lifetime_s: float  # of the token that it leads to
    hit_at: object = None  # when the fault came to be
    was_sent: bool = False  # something of an HTTP request was here
    is_good: bool = False  # the whole answer with a token was sent
    token: object = None  # the fingerprint of the one to be revoked

    def hit(self):
        if self.hit_at is None:
            self.hit_at = time.monotonic()


@dataclass(frozen=True)
class Served:
    """A token that may be published, and until when at the most."""
    at: float
    lifetime_s: float


class Broken(Exception):
    """The connection has been dealt with."""


class Upstream:
    """The test authorization server of a group, without waiting in this thread."""

    def __init__(self, server):
        self._port = server.port
        self._control = int(server.control_url.rpartition(":")[2])

    @staticmethod
    async def _ask(port, request):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        try:
            writer.write(request)
            return await reader.read()
        finally:
            writer.close()

    async def order(self, order):
        body = json.dumps(order).encode()
        head = f"POST /_control/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        answer = await self._ask(self._control, head.encode() + body)
        assert answer.startswith(b"HTTP/1.1 200"), answer

    async def token(self, head, body):
        return await self._ask(self._port, head[:-2] + b"Connection: close\r\n\r\n" + body)


class Front:
    """fault: what goes wrong with connections from now on. on_attempt(attempt) is called for each."""

    def __init__(self, kind, client_id, upstream, certificates):
        self.kind = kind
        self.client_id = client_id
        self.fault = CLEAR
        self.lifetime_s = 60
        self.full_until = -CONNECTION_S  # who knocked before may come in for a while yet
        self.served = {}  # {fingerprint: Served}
        self.on_attempt = lambda attempt: None
        self.now_s = time.time  # the broker's wall clock
        self._upstream = upstream
        self._certificates = certificates
        self._tasks = set()
        # Bound and never listening: the port stays ours while nobody may connect.
        self._holder = self._bound(0)
        self.port = self._holder.getsockname()[1]
        self._sockets = []

    @staticmethod
    def _bound(port):
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setblocking(False)
        bound.bind((LOOPBACK, port))
        return bound

    # Listening

    def set_fault(self, fault):
        how = fault.how if fault.where == "listen" else None
        before = self.fault.how if self.fault.where == "listen" else None
        if before == "full":
            self.full_until = time.monotonic()
        self.fault = fault
        if not self._sockets or how != before:
            self._listen(how)

    def _listen(self, how):
        for opened in self._sockets:
            asyncio.get_running_loop().remove_reader(opened)
            with contextlib.suppress(OSError):  # the filler may not be connected
                opened.shutdown(socket.SHUT_RDWR)  # a child that is being started may hold the descriptor for a moment
            opened.close()
        self._sockets = []
        if how == "refuse":
            return
        listener = self._bound(self.port)
        self._sockets.append(listener)
        listener.listen(0 if how == "full" else 100)
        if how == "full":  # one that is never taken: the next are not answered
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((LOOPBACK, self.port))
            self._sockets.append(filler)
        else:
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def _accept(self, listener):
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        fault = CLEAR if self.fault.where in ("listen", "name") else self.fault  # it has come through that
        attempt = Attempt(time.monotonic(), fault, fault.lifetime_s or self.lifetime_s)
        self.on_attempt(attempt)
        task = asyncio.get_running_loop().create_task(self._serve(connection, attempt))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self):
        self._listen("refuse")
        self._holder.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # One connection

    async def _serve(self, connection, attempt):
        writer = None
        try:
            async with asyncio.timeout(CONNECTION_S):
                await self._break(connection, attempt, "connect")
                reader, writer = await self._secure(connection, attempt)
                await self._exchange(reader, writer, attempt)
        except (OSError, EOFError, asyncio.LimitOverrunError, Broken):  # TimeoutError and ssl.SSLError are OSErrors
            pass
        finally:
            if writer is not None and not writer.is_closing():
                writer.close()
            elif writer is None:
                connection.close()

    async def _break(self, connection, attempt, where, writer=None):
        """Ends the connection here if that is what its fault says."""
        if attempt.fault.where != where:
            return
        attempt.hit()
        how = attempt.fault.how
        if how == "stall":
            await asyncio.sleep(HELD_S)
        elif how == "reset":
            _reset(connection, writer)
        elif how != "close":
            answers = {"garbage": GARBAGE, "403": b"HTTP/1.1 403 Forbidden\r\n\r\n",
                       "502": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
                       "407": b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n"}
            await asyncio.get_running_loop().sock_sendall(connection, answers[how])
        raise Broken

    async def _secure(self, connection, attempt):
        """(reader, writer) of the HTTP request."""
        context = None
        if self.kind == PROXIED:
            await _read_head(connection)
            await self._break(connection, attempt, "proxy")
            await asyncio.get_running_loop().sock_sendall(connection, b"HTTP/1.1 200 Connected\r\n\r\n")
        if self.kind != PLAIN:
            if attempt.fault.where == "hello":
                await asyncio.get_running_loop().sock_recv(connection, 20)
            await self._break(connection, attempt, "hello")
            certificate = "good"
            if attempt.fault.where == "certificate":
                attempt.hit()
                certificate = attempt.fault.how
            context = self._certificates[certificate]
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=context)
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    async def _exchange(self, reader, writer, attempt):
        connection = writer.get_extra_info("socket")
        head = await reader.readuntil(HEAD_END)
        attempt.was_sent = True
        await self._break(connection, attempt, "request head", writer)
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if attempt.fault.where == "request body":
            await reader.readexactly(length // 2)
        await self._break(connection, attempt, "request body", writer)
        body = await reader.readexactly(length)
        self._see(attempt, body)
        order = self._order(attempt)
        if order is not None:
            await self._upstream.order({**order, "client_id": self.client_id})
        answer = await self._upstream.token(head, body)
        await self._answer(connection, writer, attempt, answer)

    def _see(self, attempt, body):
        """What is asked for."""

    def _order(self, attempt):
        return order_for(attempt.fault, attempt.lifetime_s, self.now_s())

    async def _answer(self, connection, writer, attempt, answer):
        head, _, body = answer.partition(HEAD_END)
        cut = {"answer head": len(head) // 2, "answer body": len(head) + 4 + len(body) // 2}.get(attempt.fault.where)
        if cut is not None:
            writer.write(answer[:cut])
            await writer.drain()
            await asyncio.sleep(0.01)  # else a reset would overtake it
            await self._break(connection, attempt, attempt.fault.where, writer)
        if attempt.fault.where in ("server", "answer"):
            attempt.hit()
        if attempt.fault.reason is None:
            self._note(attempt, body)
        if attempt.fault.where == "answer":
            await _odd_answer(connection, writer, attempt.fault.how, head, body)
        else:
            writer.write(answer)
            await writer.drain()
        attempt.is_good = attempt.fault.reason is None

    def _note(self, attempt, body):
        token = json.loads(body)["access_token"]
        self.served[fingerprint(token)] = Served(attempt.at, attempt.lifetime_s)


def _reset(connection, writer):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if writer is None:
        connection.close()
    else:
        writer.transport.abort()


async def _read_head(connection):
    data = b""
    while not data.endswith(HEAD_END):
        piece = await asyncio.get_running_loop().sock_recv(connection, 4096)
        if not piece:
            raise Broken
        data += piece
    return data


async def _send_without_end(writer, piece, pause_s=0):
    """Until the other side has enough of it."""
    while True:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause_s)


async def _odd_answer(connection, writer, how, head, body):
    head += HEAD_END
    ok = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    if isinstance(how, bytes):
        writer.write(ok + b"Content-Length: %d\r\n\r\n" % len(how) + how)
    elif how == "drip":
        for byte in head + body:
            writer.write(bytes([byte]))
            await asyncio.sleep(1)
    elif how == "endless headers":
        writer.write(ok)
        await _send_without_end(writer, b"".join(b"X-%d: y\r\n" % number for number in range(50)))
    elif how == "endless header":
        writer.write(ok + b"X: ")
        await _send_without_end(writer, b"y" * 16384)
    elif how == "endless body":
        writer.write(ok + b"\r\n" + body[:-1])
        await _send_without_end(writer, b" " * 16384)
    elif how == "endless 100":
        await _send_without_end(writer, 200 * b"HTTP/1.1 103 Early Hints\r\n\r\n")
    elif how == "half":
        writer.write(ok + b"Content-Length: %d\r\n\r\n" % (2 * len(body)) + body)
    elif how == "garbage":
        writer.write(GARBAGE)
    elif how == "100 first":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nRetry-After: 99\r\n\r\n" + head + body)
    elif how == "chunked":
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
        writer.write(ok + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    elif how == "reset behind":
        writer.write(head + body)
        await writer.drain()
        await asyncio.sleep(0.2)
        with contextlib.suppress(OSError):  # it is closed by now, unless the other side waits for more
            _reset(connection, writer)
        return
    else:
        raise AssertionError(f"no such answer: {how}")
    await writer.drain()


def context_of(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
