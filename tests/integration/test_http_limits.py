# SPDX-License-Identifier: MIT
"""Clients of tokenbroker-httpd that are slow, many, quick, or speak no HTTP: bounded, and no matter
to anybody else."""

import errno
import json
import os
import re
import resource
import select
import shutil
import signal
import socket
import time
from contextlib import ExitStack, contextmanager

import pytest

import control
import http_server
from tb import wait_until

RECEIVE_S = 10
SEND_S = 60
CONNECTIONS_MAX = 2048
COMMANDS_MAX = 12
MEMORY_BYTES = 64 << 20
LIVEZ_S = 5  # on a busy machine; milliseconds are usual
LIVEZ = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
SUSPEND = "/v1/tokens/default/suspend"
WRK = shutil.which("wrk")


@pytest.fixture(autouse=True)
def many_descriptors():
    """For the clients' ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + 1024
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"RLIMIT_NOFILE is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def resident_bytes(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS:"))


def livez_s(http, unix=False):
    """How long a health check takes; fails if it is not answered."""
    began = time.monotonic()
    assert http.ask("/livez", unix=unix).text() == "ok\n"
    return time.monotonic() - began


@contextmanager
def connections(http, number):
    with ExitStack() as stack:
        yield [stack.enter_context(http.connect()) for _ in range(number)]


@contextmanager
def unix_connections(http, number):
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(number)]
        for client in clients:
            client.settimeout(20)
            client.connect(http.socket_path)
        yield clients


def has_ended(connection):
    """It was closed or reset by the other side; what came before is thrown away. Never waits: recv()
    of a socket with a timeout would, whatever its flags."""
    if not is_readable(connection):
        return False
    try:
        return connection.recv(65536) == b""
    except ConnectionResetError:
        return True


def is_readable(connection):
    poll = select.poll()  # select() ends at descriptor 1023
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


# Slow ones

@pytest.mark.needs_plain_build  # a sanitizer's allocator keeps what is freed
def test_a_thousand_slow_clients_delay_nobody_and_are_cut(world, server):
    server.settings(expires_in=8)  # a refresh each 6 s
    broker, http = http_server.serve(world, server)
    with connections(http, 1000) as slow:
        began = time.monotonic()
        for connection in slow:
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        times, cut_s = watch(http, slow, began)
    assert len(times) >= 200 and max(times) < LIVEZ_S
    assert len(cut_s) == 1000
    assert RECEIVE_S - 1 < min(cut_s) and max(cut_s) < RECEIVE_S + 10
    assert resident_bytes(http) < MEMORY_BYTES
    requests = server.token_times_ms()
    assert all(after - before < 8000 for before, after in zip(requests, requests[1:]))
    assert len(requests) >= 2 and broker.token_status()["state"] == "valid"


def watch(http, slow, began):
    """Sends a byte a second on each and asks for health meanwhile, until all are cut. How long the
    answers took, and when each was cut."""
    left, times, cut_s = set(slow), [], []
    due = began + 1
    while (left and time.monotonic() < began + RECEIVE_S + 30) or len(times) < 200:
        times.append(livez_s(http, unix=len(times) % 2 == 1))
        if time.monotonic() < due:
            continue
        due += 1
        for connection in list(left):
            if not is_sent(connection, b"x") or has_ended(connection):
                left.remove(connection)
                cut_s.append(time.monotonic() - began)
    return times, cut_s


def is_sent(connection, data):
    try:
        connection.sendall(data)
        return True
    except (BrokenPipeError, ConnectionResetError):
        return False


def test_a_connection_that_says_nothing_is_cut_too_and_so_is_a_body_that_does_not_come(world, server):
    _, http = http_server.serve(world, server)
    began = time.monotonic()
    with connections(http, 3) as (silent, kept, half):
        kept.sendall(LIVEZ)
        half.sendall(b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n")
        assert b"200 OK" in kept.recv(65536)
        for connection in (silent, kept, half):
            wait_until(lambda connection=connection: has_ended(connection), RECEIVE_S + 10, "the cut")
        assert time.monotonic() - began > RECEIVE_S - 1


def test_who_opens_streams_all_the_time_puts_nothing_off(world, server):
    _, http = http_server.serve(world, server)
    request = b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    began = time.monotonic()
    with ExitStack() as stack:
        watching = stack.enter_context(http.connect())
        watching.sendall(request)
        receive_until(watching, b"}\n\n")
        idle = stack.enter_context(http.connect())
        assert world.cli("suspend", "default").status == 0
        while not has_ended(idle):
            assert time.monotonic() < began + RECEIVE_S + 10, "the idle one is not cut"
            another = stack.enter_context(http.connect())
            another.sendall(request)
            time.sleep(0.1)
        assert is_readable(watching), "the event has come meanwhile"


def test_events_are_not_cut_while_they_are_read(world, server):
    _, http = http_server.serve(world, server)
    with http.connect() as connection:
        connection.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"event: status" in receive_until(connection, b"}\n\n")
        assert b":\n\n" in receive_until(connection, b":\n\n"), "a comment, 15 s later"
        assert world.cli("suspend", "default").status == 0
        assert b'"suspended"' in receive_until(connection, b'"suspended"')


def receive_until(connection, end):
    """All that comes up to end."""
    data = b""
    while end not in data:
        piece = connection.recv(65536)
        assert piece, "the end came before"
        data += piece
    return data


def large_document(world, megabytes):
    """A status of very many tokens in the place of the broker's."""
    path = world.runtime_dir / "status.json"
    document = json.loads(path.read_text())
    token = document["tokens"][0]
    token["history"] = token["history"][:1] * 60
    number = megabytes * 10**6 // len(json.dumps(token))
    document["tokens"] = [{**token, "name": f"token-{index}"} for index in range(number)]
    new = path.with_name("new")
    new.write_text(json.dumps(document))
    world.give(new)
    new.rename(path)
    return document


@pytest.mark.needs_plain_build
def test_slow_readers_of_a_large_answer_share_its_memory_and_are_cut_at_last(world, server):
    """Also of events. Both together, because it takes a minute."""
    broker, http = http_server.serve(world, server)
    assert broker.stop() == 0
    large_document(world, 4)
    assert len(http.ask("/v1/status").body) > 3000000
    before = resident_bytes(http)
    began = time.monotonic()
    with unix_connections(http, 100) as slow:  # a TCP socket's own buffer may hold all of it
        for number, connection in enumerate(slow):
            path = b"/v1/events" if number % 2 else b"/v1/status"
            connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for connection in slow:
            assert select.select([connection], [], [], 20)[0], "the answer begins"
        assert resident_bytes(http) < before + (16 << 20)
        wait_until(lambda: all(is_hung_up(connection) for connection in slow), SEND_S + 20, "the cut")
    assert time.monotonic() - began > SEND_S - 1


@pytest.mark.needs_plain_build
@pytest.mark.parametrize("path", ("/metrics", "/v1/events", "/readyz?verbose"))
def test_two_thousand_clients_that_take_no_answer_share_it(world, server, path):
    """The text is one, whoever asks: that of 100 tokens here."""
    broker, http = http_server.serve(world, server)
    assert broker.stop() == 0
    large_document(world, 1)
    before = resident_bytes(http)
    with unix_connections(http, 2000) as slow:
        for connection in slow:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        for connection in slow:
            wait_until(lambda connection=connection: is_readable(connection), 20, "the answer's begin")
        assert max(livez_s(http, unix=True), livez_s(http)) < LIVEZ_S
        assert resident_bytes(http) < before + (80 << 20)


def is_hung_up(connection):
    """The other side has closed, whatever is still to be read."""
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(0))


def test_a_large_document_arrives_whole(world, server):
    broker, http = http_server.serve(world, server)
    assert broker.stop() == 0
    document = large_document(world, 4)
    assert http.status() == document
    assert http.ask("/v1/tokens/token-7").json() == document["tokens"][7]


# Many

def test_more_connections_than_there_is_room_for_leave_room_for_a_health_check(world, server):
    _, http = http_server.serve(world, server)
    with connections(http, CONNECTIONS_MAX - 100) as idle, connections(http, 300):
        assert max(livez_s(http) for _ in range(20)) < LIVEZ_S
        assert livez_s(http, unix=True) < LIVEZ_S
        assert has_ended(idle[0]), "the oldest has given way"


def test_streams_in_all_places_leave_time_to_ask_to_who_has_just_come(world, server):
    _, http = http_server.serve(world, server)
    with unix_connections(http, CONNECTIONS_MAX - 16) as streams:
        for stream in streams:
            stream.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for stream in streams:
            wait_until(lambda stream=stream: is_readable(stream), 20, "an event")
        with unix_connections(http, 1) as (asking,), unix_connections(http, 100):
            assert livez_s(http, unix=True) < LIVEZ_S
            asking.sendall(LIVEZ)
            assert b"200 OK" in receive_until(asking, b"ok\n")


@pytest.mark.needs_plain_build
def test_few_descriptors_make_few_connections_and_leave_room_for_health_checks(world, server):
    limit = 1024
    world.write_config({"default": world.token(server)}, http=http_server.section(world))
    world.broker().wait_ready()
    http = http_server.start(world, launcher=["prlimit", f"--nofile={limit}:{limit}"]).wait_ready()
    assert f"RLIMIT_NOFILE is {limit}" in http.wait_log("480 connections")
    with connections(http, limit + 100), unix_connections(http, limit + 100):
        assert max(livez_s(http) for _ in range(20)) < LIVEZ_S
        assert livez_s(http, unix=True) < LIVEZ_S
        before = cpu_s(http)
        began = time.monotonic()
        assert livez_s(http) < LIVEZ_S
        wait_until(lambda: time.monotonic() > began + 1, what="a second")
        assert cpu_s(http) - before < 0.5, "it turns in a circle"


def cpu_s(process):
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_commands_at_a_time_are_bounded_and_the_rest_is_told_to_come_again(world, server):
    broker, http = http_server.serve(world, server)
    broker.signal(signal.SIGSTOP)
    try:
        asked = [world.process(http.command(SUSPEND, "--request", "POST", "--include", unix=True), "curl")
                 for _ in range(COMMANDS_MAX + 5)]
        wait_until(lambda: sum(not one.is_running() for one in asked) == 5, 10, "the rest")
        refused = [http_server.parse(one.out_path.read_bytes()) for one in asked if not one.is_running()]
        for answer in refused:
            assert "busy" in answer.problem(503) and int(answer.header("retry-after")) >= 1
        assert livez_s(http) < LIVEZ_S
    finally:
        broker.signal(signal.SIGCONT)
    for one in asked:
        assert one.wait() == 0
    accepted = [one for one in asked if http_server.parse(one.out_path.read_bytes()).status == 202]
    assert len(accepted) == COMMANDS_MAX


@contextmanager
def full_queue(world, broker):
    """The broker is stopped, with no place left in the queue of its control socket; then it goes on."""
    with ExitStack() as stack:
        stack.callback(broker.signal, signal.SIGCONT)
        broker.signal(signal.SIGSTOP)
        fill(world, stack)
        yield


def fill(world, stack):
    while True:
        try:
            stack.enter_context(control.connect(world.runtime_dir, timeout=0))
        except BlockingIOError:
            return


def ask_broker(world, http, path=SUSPEND):
    return world.process(http.command(path, "--request", "POST", "--include", unix=True), "curl")


def let_pass(seconds):
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end, what="some time")


def test_a_command_waits_for_a_place_in_the_queue_of_the_broker(world, server):
    broker, http = http_server.serve(world, server)
    with full_queue(world, broker):
        asking = ask_broker(world, http)
        let_pass(0.3)
        assert asking.is_running() and livez_s(http) < LIVEZ_S
    assert asking.wait() == 0
    assert http_server.parse(asking.out_path.read_bytes()).status == 202
    broker.wait_token(lambda token: token["state"] == "suspended")


def test_a_command_that_finds_no_place_within_a_second_is_told_to_come_again(world, server):
    broker, http = http_server.serve(world, server)
    with full_queue(world, broker):
        began = time.monotonic()
        answer = http.post(SUSPEND, unix=True)
        assert 0.9 < time.monotonic() - began < LIVEZ_S
        assert "busy" in answer.problem(503) and int(answer.header("retry-after")) >= 1
    assert http.post(SUSPEND, unix=True).status == 202


def test_with_commands_that_wait_for_a_place_clients_may_go_and_so_may_the_server(world, server):
    broker, http = http_server.serve(world, server)
    with full_queue(world, broker):
        gone = ask_broker(world, http)
        let_pass(0.2)
        gone.terminate()
        let_pass(1)
        assert livez_s(http) < LIVEZ_S
        ask_broker(world, http)
        let_pass(0.2)
        http.signal(signal.SIGTERM)
        assert http.wait(5) == 0
    assert broker.token_status()["state"] == "valid"


def test_a_command_that_waits_for_a_place_ends_with_the_broker(world, server):
    broker, http = http_server.serve(world, server)
    world.may_leave_segments = True
    with full_queue(world, broker):
        asking = ask_broker(world, http)
        let_pass(0.2)
        broker.kill()
    assert asking.wait() == 0
    assert "no broker is running" in http_server.parse(asking.out_path.read_bytes()).problem(503)


# Quick ones

def answers_in(data):
    """(statuses of the answers in data, what is left of it)."""
    statuses = []
    while b"\r\n\r\n" in data:
        head, _, rest = data.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)\r\ncontent-length: (\d+)", head)[1])
        if len(rest) < length:
            break
        statuses.append(int(head.split(b" ")[1]))
        data = rest[length:]
    return statuses, data


def ask_often(connection, request, times):
    """times requests at once on one connection; the statuses of their answers."""
    connection.sendall(request * times)
    statuses, data = [], b""
    while len(statuses) < times:
        piece = connection.recv(1 << 20)
        assert piece, f"closed after {len(statuses)} of {times}"
        more, data = answers_in(data + piece)
        statuses += more
    assert data == b""
    return statuses


@pytest.mark.needs_plain_build
def test_ten_thousand_quick_requests_are_all_answered(world, server):
    _, http = http_server.serve(world, server)
    before = resident_bytes(http)
    for path in (b"/livez", b"/v1/status", b"/metrics", b"/"):
        request = b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with connections(http, 25) as clients:
            for _ in range(10):
                for client in clients:
                    assert ask_often(client, request, 10) == [200] * 10
    assert resident_bytes(http) < before + (16 << 20)


@pytest.mark.needs_plain_build
@pytest.mark.skipif(WRK is None, reason="wrk is not installed: apt-get install wrk")
def test_under_the_load_of_wrk_health_checks_and_refreshes_go_on(world, server):
    server.settings(expires_in=8)  # a refresh each 6 s
    broker, http = http_server.serve(world, server)
    before, answered = resident_bytes(http), 0
    while answered < 10000 or len(server.token_times_ms()) < 3:
        for path in ("/livez", "/v1/status", "/metrics"):
            load = world.process([WRK, "-t1", "-c32", "-d2s", http.base + path], "wrk")
            while load.is_running():
                assert max(livez_s(http), livez_s(http, unix=True)) < LIVEZ_S
            assert load.wait() == 0
            assert "Non-2xx" not in load.out() and "Socket errors" not in load.out(), load.out()
            answered += int(re.search(r"(\d+) requests in ", load.out())[1])
    requests = server.token_times_ms()
    assert all(after - before < 8000 for before, after in zip(requests, requests[1:]))
    assert broker.token_status()["state"] == "valid"
    assert resident_bytes(http) < before + (16 << 20)


def test_one_connection_after_the_other_is_served(world, server):
    _, http = http_server.serve(world, server)
    for _ in range(2000):
        with http.connect() as connection:
            assert ask_often(connection, LIVEZ, 1) == [200]


# What is no HTTP

def exchange(http, data):
    """All that comes back for data, up to the end, to one who might command."""
    with unix_connections(http, 1) as (connection,):
        is_sent(connection, data)
        received = b""
        try:
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                received += piece
        except OSError as error:
            if error.errno not in (errno.ECONNRESET, errno.ENOTCONN):
                raise
        return received


MALFORMED = {
    "noise": b"\x00\xff\xfe" * 100 + b"\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200 + b"\r\n\r\n",
    "one word": b"GET\r\n\r\n",
    "no version": b"GET /livez\r\n\r\n",
    "another version": b"GET /livez HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "http/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a proxy's request": b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "connect": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
    "star": b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no colon": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nnonsense\r\n\r\n",
    "relative path": b"GET livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "negative length": b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    "huge length": b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "length in words": b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: two\r\n\r\n",
    "two lengths": b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 4\r\n\r\nabcd",
    "length and coding": b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "odd coding": b"POST %b HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
    "bad chunk": b"POST %b HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "space before the colon": b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length : 4\r\n\r\nabcd",
    "tab before the colon": b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length\t: 4\r\n\r\nabcd",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_proper_request_is_refused_and_closed(world, server, name):
    _, http = http_server.serve(world, server)
    data = exchange(http, MALFORMED[name].replace(b"%b", SUSPEND.encode()))
    assert data == b"" or re.match(rb"HTTP/1\.[01] (4\d\d|505) ", data), data[:100]
    assert livez_s(http) < LIVEZ_S
    assert len(http.err_lines()) == len(http.listening()), "what strangers send is no news"
    assert world.token_status()["state"] == "valid"


def test_an_origin_without_a_host_is_refused_over_the_unix_socket(world, server):
    _, http = http_server.serve(world, server)
    request = f"POST {SUSPEND} HTTP/1.0\r\nOrigin: http://localhost\r\n\r\n".encode()
    answer = exchange(http, request)
    assert re.match(rb"HTTP/1\.[01] (400|403) ", answer), answer[:100]
    assert livez_s(http) < LIVEZ_S
    assert http.is_running() and world.token_status()["state"] == "valid"


def test_a_request_that_is_too_long_is_told_so_and_closed(world, server):
    _, http = http_server.serve(world, server)
    long_path = b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    long_header = LIVEZ[:-2] + b"X: " + b"a" * 40000 + b"\r\n\r\n"
    many_headers = LIVEZ[:-2] + b"X: y\r\n" * 20000 + b"\r\n"
    for request, statuses in ((long_path, b"414|431"), (long_header, b"431"), (many_headers, b"431")):
        # What is not read any more can reset the connection before the answer is taken: ask again.
        data = wait_until(lambda request=request: exchange(http, request), what="an answer")
        assert re.match(rb"HTTP/1\.[01] (" + statuses + rb") ", data), data[:100]
        assert livez_s(http) < LIVEZ_S


def test_headers_below_the_limit_are_taken(world, server):
    _, http = http_server.serve(world, server)
    assert http.ask("/livez", "--header", "X: " + "a" * 8000).status == 200


def test_garbage_behind_a_request_does_not_spoil_its_answer(world, server):
    _, http = http_server.serve(world, server)
    data = exchange(http, LIVEZ * 2 + b"\x01\x02garbage\r\n\r\n" + LIVEZ)
    assert len(re.findall(rb"HTTP/1\.1 200 ", data)) == 2
    assert b"HTTP/1.1 200 " not in data.rpartition(b"ok\n")[2]


def test_a_body_is_never_taken_for_the_next_request(world, server):
    _, http = http_server.serve(world, server)
    hidden = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    length = b"Content-Length: %d\r\n" % len(hidden)
    chunked = b"Transfer-Encoding: chunked\r\n"
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(hidden), hidden)
    for method in (b"GET /v1/status", b"POST " + SUSPEND.encode()):
        for heads, body in ((length, hidden), (chunked, chunk), (length + chunked, chunk),
                            (chunked + length, hidden), (length.replace(b":", b" :"), hidden)):
            data = exchange(http, method + b" HTTP/1.1\r\nHost: localhost\r\n" + heads + b"\r\n" + body)
            assert re.match(rb"HTTP/1\.1 4", data) and b"ok\n" not in data
            assert len(re.findall(rb"(?m)^HTTP/1", data)) == 1
    assert world.token_status()["state"] == "valid"


def test_a_client_that_is_gone_before_the_answer_is_no_matter(world, server):
    _, http = http_server.serve(world, server)
    for request in (LIVEZ, b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    f"POST {SUSPEND} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()):
        for _ in range(50):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(http.socket_path)
                connection.sendall(request)
    assert livez_s(http) < LIVEZ_S
    # A command is waited for, its client or not, as long as the broker may take to answer it: 15 s, and some.
    wait_until(lambda: open_sockets(http) < 20, 20, "the end of the connections")


def open_sockets(process):
    directory = f"/proc/{process.pid}/fd"
    return sum(os.readlink(f"{directory}/{name}").startswith("socket:") for name in os.listdir(directory))
