# SPDX-License-Identifier: MIT
"""Hostile HTTP to tokenbroker-httpd: requests made up of everything that confuses servers, and floods of
clients. Nothing that is asked may command, show a secret, or keep health checks waiting."""

import json
import random
import re
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import http_server
from http_server import HTTP_UID
from memory import forms
from proof import Readers
from tb import CLIENT_SECRET, READER_UID, STRANGER_UID, as_uid, wait_until

ACCESS_TOKEN = "access-token-of-the-attack-0123456789"
CANARY = "CanaryToken4c1d"
LIVEZ_S = 5  # on a busy machine
MEMORY_KIB = 64 << 10

METHODS = [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"CONNECT", b"PROPFIND",
           b"get", b"G\0T",
           b"POST /v1/tokens/default/suspend", b"A" * 5000, b""]
COMMANDS = [b"/v1/tokens/default/" + command for command in (b"refresh", b"revoke", b"suspend", b"resume")]
PATHS = [*COMMANDS, b"/", b"/livez", b"/readyz?verbose", b"/metrics", b"/v1/status", b"/v1/tokens/default", b"*",
         b"/../../etc/passwd", b"/v1/tokens/../../../etc/tokenbroker/secrets/default",
         b"/v1/tokens/..%2f..%2fsecrets%2fdefault",
         b"/v1/tokens/%2e%2e/status", b"//v1//tokens//default//suspend", b"/v1/tokens/default%00/suspend", b"/%00",
         b"/v1/tokens/default/suspend;/livez", b"/v1/tokens/default\\suspend", b"/v1/tokens/%64efault/suspend",
         b"/v1/tokens/default%0d%0aX-Injected:%20yes/suspend", b"/v1/tokens/default\r\nX-Injected: yes",
         b"/v1/tokens/" + b"a" * 3000,
         b"/v1/tokens/de\xff\xfefault", b"/v1/tokens/%ff%fe", b"/v1/tokens/%", b"/v1/tokens/%zz/suspend",
         b"/readyz/../v1/status",
         b"http://evil.example/v1/status", b"http://localhost/v1/tokens/default/suspend",
         b"/v1/events?x=" + b"y" * 2000,
         b"/livez#/../v1/tokens/default/suspend", b"/v1/status?access_token=" + ACCESS_TOKEN[:-1].encode(), b"livez",
         b""]
VERSIONS = [b" HTTP/1.1", b" HTTP/1.0", b" HTTP/0.9", b" HTTP/2.0", b" HTTP/1.1 ", b"  HTTP/1.1", b"\tHTTP/1.1",
            b" http/1.1", b""]
HIDDEN = b"POST /v1/tokens/default/suspend HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEADERS = [b"Host: localhost", b"Host: localhost", b"Host: localhost", b"Host: evil.example",
           b"Host: localhost\0.evil", b"Host:",
           b"Host: localhost, evil.example", b"Host : localhost", b" Host: localhost", b"HOST: localhost:8437",
           b"Content-Length: 0", b"Content-Length: %d" % len(HIDDEN), b"Content-Length: -1", b"Content-Length: 0, 0",
           b"Content-Length: +5", b"Content-Length: 0x5", b"Content-Length: 18446744073709551616",
           b"Content-Length:\t5",
           b"Transfer-Encoding: chunked", b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunked, identity",
           b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding : chunked", b"Transfer-Encoding: gzip, chunked",
           b"Transfer_Encoding: chunked", b"Connection: Content-Length, Host", b"Connection: close",
           b"Connection: upgrade",
           b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__", b"Expect: 100-continue", b"Expect: something",
           b"Origin: http://evil.example", b"Origin: null", b"Origin: http://localhost",
           b"Referer: http://evil.example/",
           b"X-Forwarded-For: 127.0.0.1", b"X-Forwarded-Host: evil.example", b"X-Forwarded-User: root",
           b"X-Original-URL: /v1/status",
           b"X-HTTP-Method-Override: POST", b"Authorization: Bearer " + ACCESS_TOKEN[:-1].encode(),
           b"Authorization: Bearer",
           b"Authorization: Basic cm9vdDo=", b"Authorization: Bearer \0",
           b"Cookie: access_token=" + ACCESS_TOKEN[1:].encode(),
           b"Content-Type: application/json", b"Content-Type: text/plain", b"Range: bytes=0-" + b"1" * 100,
           b"If-None-Match: *", b"Accept-Encoding: gzip;q=" + b"9" * 500, b"X: " + b"y" * 20000, b"X\0Y: z",
           b"X: a\0b", b"X: a\r b",
           b"X: a\n b", b": nameless", b"no colon", b"\xff\xfe: \xff"]
ENDS = [b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r\n"]
BODIES = [b"", b"", HIDDEN, b"0\r\n\r\n" + HIDDEN, b"5;x=" + b"y" * 200 + b"\r\nhello\r\n0\r\n\r\n" + HIDDEN,
          b"ffffffffffffffff\r\nx",
          b"0\r\nHost: evil\r\n\r\n", b"\0" * 300, HIDDEN * 20]


def _request(chance):
    """A proper request, with up to four things in it that are not: so that each is looked at by itself, too."""
    parts = {"method": chance.choice(METHODS[:3]), "path": chance.choice(PATHS[:10]), "version": VERSIONS[0],
             "headers": [HEADERS[0]], "end": ENDS[0], "body": b""}
    for _ in range(chance.randrange(5)):
        what, choices = chance.choice((("method", METHODS), ("path", PATHS), ("path", PATHS), ("version", VERSIONS),
                                       ("headers", HEADERS), ("headers", HEADERS), ("end", ENDS), ("body", BODIES)))
        one = chance.choice(choices)
        if what != "headers":
            parts[what] = one
        elif chance.random() < 0.2:
            parts[what] = [one]
        else:
            parts[what].insert(chance.randrange(2), one)
    lines = [parts["method"] + b" " + parts["path"] + parts["version"], *parts["headers"]]
    data = parts["end"].join(lines) + 2 * parts["end"] + parts["body"]
    return data[:chance.randrange(len(data) + 1)] if chance.random() < 0.05 else data


def _exchange(connection, data):
    received = b""
    try:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while len(received) < 1 << 20 and (piece := connection.recv(65536)):
            received += piece
            if b"event: status" in received:  # it would never end
                break
    except OSError:
        pass
    return received


def _ask(where, data):
    with socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET) as connection:
        connection.settimeout(3)  # who is not answered is cut after 10 s, which test_http_limits.py shows
        connection.connect(where)
        return _exchange(connection, data)


def _ask_all(places, seed, number):
    """number requests by this user, to each of places in turn; their answers."""
    chance = random.Random(seed)
    requests = [(places[count % 2], _request(chance)) for count in range(number)]
    with ThreadPoolExecutor(40) as pool:
        return list(pool.map(lambda one: _ask(*one), requests))


def _statuses(answer):
    return [int(status) for status in re.findall(rb"(?:^|\n|\})HTTP/1\.[01] (\d\d\d) ", answer)]


def _livez_s(http):
    """The slower of two health checks."""
    times = []
    for unix in (False, True):
        began = time.monotonic()
        assert http.ask("/livez", unix=unix).status == 200
        times.append(time.monotonic() - began)
    return max(times)


def _marked(world):
    """(server, broker, httpd, what must not be found): the token is marked, TCP is guarded by an access token."""
    server = world.auth_server()
    server.settings(canary=CANARY)
    path = http_server.write_access_token(world, ACCESS_TOKEN)
    broker, http = http_server.serve(world, server, http={"access_token_file": path})
    return server, broker, http, [text.encode() for text in (CANARY, ACCESS_TOKEN, *forms(CLIENT_SECRET))]


def hostile_requests(case, world, number):
    """A stranger's requests, put together at random from what has confused HTTP servers."""
    server, broker, http, marks = _marked(world)
    seed = time.time_ns() % 2**32
    answers = as_uid(STRANGER_UID, _ask_all, (http.socket_path, http.address), seed, number)
    answered = [answer for answer in answers if answer]
    statuses = [status for answer in answered for status in _statuses(answer)]
    # Over the Unix socket everybody may read; a reader's mark of its own must not come back as a header.
    injected = sum(b"\nX-Injected" in answer for answer in answered)
    under = case.under("P20")  # the half that comes over the Unix socket; over TCP without the access token: P21
    under.row(f"requests put together at random (seed {seed})", len(answers), len(answers) == number)
    under.row("  answered", len(answered), len(answered) > number // 4)
    under.row("  with an error of the client's (4xx)", sum(400 <= s < 500 for s in statuses),
              400 in statuses and 404 in statuses)
    under.row("  with what is open to everybody (200)", statuses.count(200), 200 in statuses)
    case.under("P23").none("  with an error of the server's (500)",
                           sum(status in (500, 502, 504) for status in statuses))
    under.none("  with a header that the request had put in", injected)
    under.none("commands accepted (202)", statuses.count(202))
    case.under("P21").none("requests at the server but the first", server.requests() + server.requests("revoke") - 1)
    told = http.err().encode() + broker.err().encode() + b"".join(answered)
    case.under("P5").none("answers and lines of the logs with a secret or an access token",
                          sum(mark in told for mark in marks[1:]))
    case.under("P9").none("  with a token", int(marks[0] in told))
    case.under("P23").at_most("health check afterwards, ms", round(_livez_s(http) * 1000), LIVEZ_S * 1000)
    case.under("P21").each("the token stayed as it was", int(world.token_status()["state"] == "valid"), 1)
    case.under("P23").each("both ended well", int(broker.stop() == 0) + int(http.terminate() == 0), 2)


# Clients of many kinds, each as many as it can.
FLOOD = """
import itertools, json, os, signal, socket, sys, time
host, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
counts = {}
signal.signal(signal.SIGTERM, lambda *_: (print(json.dumps(counts), flush=True), os._exit(0)))
GET = b"GET %s HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"
POST = b"POST /v1/tokens/default/%s HTTP/1.1\\r\\nHost: localhost\\r\\n"
KINDS = {
    "silent": b"", "half a request": b"GET /livez HTTP/1.1\\r\\nHost: loc",
    "endless header": GET[:-2] % b"/livez" + b"X: " + b"y" * 30000,
    "body that does not come": POST % b"suspend" + b"Content-Length: 9999\\r\\n\\r\\n",
    "events": GET % b"/v1/events", "many at once": (GET % b"/metrics") * 200,
    "answers not taken": (GET % b"/v1/status") * 50,
    "commands": (POST % b"revoke" + b"\\r\\n") * 20, "noise": os.urandom(5000),
    "tls": b"\\x16\\x03\\x01\\x02\\x00\\x01\\x00\\x01\\xfc\\x03\\x03" * 20,
}
held = []
print("flooding", flush=True)
for number, (name, data) in enumerate(itertools.cycle(KINDS.items())):
    connection = socket.socket(socket.AF_INET if number % 2 else socket.AF_UNIX)
    connection.setblocking(False)
    held = held[-600:] + [connection]
    try:
        connection.connect((host, port) if number % 2 else path)
    except BlockingIOError:
        pass
    except OSError:
        time.sleep(0.002)
        continue
    counts[name] = counts.get(name, 0) + 1
    try:
        connection.send(data)
    except OSError:
        pass
    time.sleep(0.0005)
"""


def _resident_kib(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def _flooders(world, http):
    host, port = http.address
    started = [world.process([sys.executable, "-c", FLOOD, host, str(port), http.socket_path], "flood", uid=uid)
               for uid in (STRANGER_UID, READER_UID, HTTP_UID)]
    for flooder in started:
        wait_until(lambda flooder=flooder: "flooding" in flooder.out(), 10, "the flood")
    return started


def _patient_livez(http):
    """(the slower of two health checks, how often they were asked again): who is slow to send its request in a
    flood may be the oldest connection without an answer, which gives way."""
    for again in range(5):
        try:
            return _livez_s(http), again
        except AssertionError:
            pass
    return _livez_s(http), 5


def flood(case, world, seconds):
    """Three users hold as many connections as they can; health checks by others are answered."""
    server, broker, http, _ = _marked(world)
    watching = Readers(world)
    flooders = _flooders(world, http)
    checks, largest_kib = [], 0
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(checks) < 5:
        checks.append(_patient_livez(http))
        largest_kib = max(largest_kib, _resident_kib(http))
    assert all(flooder.is_running() for flooder in flooders)
    sent = {}
    for flooder in flooders:
        flooder.terminate()
        for name, number in json.loads(flooder.out().splitlines()[-1]).items():
            sent[name] = sent.get(name, 0) + number
    under = case.under("P23")
    under.row("connections of three users, of ten kinds", sum(sent.values()), len(sent) == 10)
    under.row("health checks answered meanwhile", 2 * len(checks), len(checks) > 0)
    under.at_most("  slowest, ms", round(max(took_s for took_s, _ in checks) * 1000), LIVEZ_S * 1000)
    again = sum(again for _, again in checks)
    under.at_most("  cut, and answered when they were asked again", again, len(checks) // 10 + 1)
    under.at_most("  most memory of httpd, KiB", largest_kib, MEMORY_KIB)
    under.each("nothing of it reached the token server", server.requests() + server.requests("revoke"), 1)
    under.at_most("  longest turn of the broker's loop, ms", broker.status()["loop"]["longest_ms"], 2000)
    watching.tell(under)
    under.each("both ended well", int(broker.stop() == 0) + int(http.terminate(20) == 0), 2)
