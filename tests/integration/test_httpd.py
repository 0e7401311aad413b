# SPDX-License-Identifier: MIT
"""tokenbroker-httpd over real sockets: routes, who may what, limits, and a status that is broken."""

import os
import re
import signal
import socket
import subprocess
import time

import pytest

import status_server as httpd
import promtool
from tb import CLIENT_SECRET, IS_ROOT, READER_UID, STRANGER_UID, wait_until

BEARER = ("-H", f"Authorization: Bearer {httpd.ACCESS_TOKEN}")
TOKEN = "/v1/tokens/default"
READS = ["/readyz", "/readyz?verbose", "/readyz/default", "/metrics", "/v1/status", TOKEN]
COMMANDS = ["refresh", "revoke", "suspend", "resume"]


@pytest.fixture
def pair(world, server):
    """A broker with a good token and a server without access token."""
    return start_pair(world, server)


def start_pair(world, server, **options):
    web = httpd.start(world, {"default": world.token(server)}, **options)
    broker = world.broker().wait_ready()
    broker.wait_token(lambda token: token["state"] == "valid")
    return broker, web.wait_ready()


def problem(answer, status):
    assert answer.status == status, answer
    assert answer.header("content-type") == "application/problem+json"
    told = answer.json()
    assert told["status"] == status and told["title"] and told["detail"], told
    return told["detail"]


# Routes

def test_every_read_is_answered(pair):
    _, web = pair
    page = web.get("/")
    assert page.status == 200 and page.body.startswith("<!doctype html>")
    assert web.get("/livez").body == "ok\n"
    assert "default: ok" in web.get("/readyz?verbose").body
    assert web.get("/readyz/default").status == 200
    assert web.get(TOKEN).json() == web.get("/v1/status").json()["tokens"][0]


@pytest.mark.parametrize("path", ["/", "/livez", "/v1/events", *READS])
def test_head_has_the_headers_of_get_and_no_body(pair, path):
    _, web = pair
    answer = web.get(path, "-I")
    assert answer.status == 200 and answer.body == ""
    assert answer.header("content-type")


@pytest.mark.parametrize("path, allow", [("/", "GET, HEAD"), ("/v1/status", "GET, HEAD"),
                                         (f"{TOKEN}/refresh", "POST")])
def test_other_methods_are_refused_with_those_allowed(pair, path, allow):
    _, web = pair
    answer = web.request(path, "-X", "DELETE")
    problem(answer, 405)
    assert answer.header("allow") == allow


@pytest.mark.parametrize("path", ["/nothing", "/v1/", "/v1/tokens/", "/v1/tokens/none", "/readyz/none",
                                  "/v1/tokens/UPPER", "/v1/tokens/%64efault", f"{TOKEN}/", "//"])
def test_what_is_not_there_is_404(pair, path):
    problem(pair[1].get(path), 404)


def test_a_status_that_has_not_changed_is_not_sent_again(pair):
    _, web = pair
    etag = web.get("/v1/status").header("etag")
    assert re.fullmatch(r'"[0-9a-f]{32}"', etag)
    same = web.get("/v1/status", "-H", f"If-None-Match: {etag}")
    assert same.status == 304 and same.body == ""
    assert web.post(f"{TOKEN}/suspend").status == 202
    wait_until(lambda: web.get("/v1/status", "-H", f"If-None-Match: {etag}").status == 200, 5, "a change")


def test_every_answer_forbids_what_browsers_need_not_do(pair):
    _, web = pair
    for path in ("/", "/v1/status", "/nothing"):
        answer = web.get(path)
        assert "frame-ancestors 'none'" in answer.header("content-security-policy")
        assert "unsafe" not in answer.header("content-security-policy")
        assert answer.header("x-content-type-options") == "nosniff"
        assert answer.header("cache-control") in ("no-store", "no-cache")


def test_events_send_the_document_at_once_and_on_each_change(world, pair):
    broker, web = pair
    stream = world.process(web.command("/v1/events", "-N", "--max-time", "60"), "events")
    wait_until(lambda: stream.out().count("event: status\n") == 1, 5, "the first document")
    generation = broker.token_status()["generation"]
    wait_until(lambda: web.post(f"{TOKEN}/refresh").status == 202, 5, "a refresh")
    wait_until(lambda: f'"generation":{generation + 1}' in stream.out(), 5, "the event of the change")
    wait_until(lambda: "\n:\n" in stream.out(), 20, "a comment line")
    for line in stream.out().splitlines():
        assert not line.startswith("data: ") or line.endswith("}")


def test_metrics_are_clean_and_complete(pair, built):
    _, web = pair
    answer = web.get("/metrics")
    assert answer.header("content-type") == "text/plain; version=0.0.4; charset=utf-8"
    promtool.check_metrics(promtool.find(built), answer.body)
    for name in ("tokenbroker_build_info", "tokenbroker_up 1", "tokenbroker_start_timestamp_seconds",
                 'tokenbroker_token_usable{token="default"} 1', "tokenbroker_token_expiry_timestamp_seconds",
                 'tokenbroker_fetches_total{token="default",result="ok"} 1',
                 "tokenbroker_fetch_duration_seconds_bucket", "tokenbroker_rejections_total",
                 "tokenbroker_revocations_total", "tokenbroker_publishes_total"):
        assert name in answer.body, name


def test_an_expired_token_is_shown_as_expired_and_a_lost_broker_as_lost(world, server):
    server.settings(expires_in=4)
    broker, web = start_pair(world, server)
    broker.signal(signal.SIGSTOP)
    wait_until(lambda: web.get(TOKEN).json()["state"] == "expired", 10, "the expiry")
    assert web.get("/v1/status").json()["tokens"][0]["state"] == "expired"
    assert "expired" in problem(web.get("/readyz"), 503)
    assert 'tokenbroker_token_usable{token="default"} 0' in web.get("/metrics").body
    assert web.get("/livez").status == 200
    an_hour_ago = time.time() - 3600
    os.utime(world.runtime_dir / "status.json", (an_hour_ago, an_hour_ago))
    problem(web.get("/livez"), 503)
    problem(web.get("/readyz"), 503)
    assert "\ntokenbroker_up 0\n" in web.get("/metrics").body
    broker.signal(signal.SIGCONT)
    wait_until(lambda: web.get("/livez").status == 200, 30, "the broker")


# Who may

@pytest.mark.needs_root
def test_everybody_reads_over_the_unix_socket_and_admins_command(world, server):
    broker, web = start_pair(world, server, top={"admins": [str(READER_UID)]})
    assert web.socket.stat().st_mode & 0o777 == 0o666
    for path in READS:
        assert web.get(path, uid=STRANGER_UID).status == 200
    assert web.get("/v1/status").header("tokenbroker-commands") == "available"
    assert "admin" in problem(web.post(f"{TOKEN}/suspend", uid=STRANGER_UID), 403)
    assert web.post(f"{TOKEN}/suspend", uid=READER_UID).status == 202
    broker.wait_log(f"audit: suspend of token default by uid {READER_UID} via tokenbroker-httpd (uid {httpd.HTTPD_UID}): accepted")
    broker.wait_log(f"audit: suspend of token default by uid {STRANGER_UID} via tokenbroker-httpd (uid {httpd.HTTPD_UID}): denied")


def test_without_an_access_token_tcp_is_read_only(pair):
    broker, web = pair
    for path in READS:
        assert web.get(path, over="tcp").status == 200
    assert web.get("/v1/status", over="tcp").header("tokenbroker-commands") == "unavailable"
    for command in COMMANDS:
        assert "access_token_file" in problem(web.post(f"{TOKEN}/{command}", over="tcp"), 403)
    assert "audit:" not in broker.err()


def test_with_an_access_token_tcp_asks_for_it(world, server):
    broker, web = start_pair(world, server, access_token=True)
    for path in ("/", "/livez"):
        assert web.get(path, over="tcp").status == 200
    wrong = [(), ("-H", "Authorization: Bearer x"), ("-H", f"Authorization: Basic {httpd.ACCESS_TOKEN}"),
             ("-H", f"Authorization: Bearer {httpd.ACCESS_TOKEN}x"), BEARER + BEARER,
             ("-H", f"Authorization: Bearer {httpd.ACCESS_TOKEN[:-1]}")]
    for path in [*READS, "/v1/events"]:
        for arguments in wrong:
            answer = web.get(path, *arguments, over="tcp")
            problem(answer, 401)
            assert answer.header("www-authenticate") == 'Bearer realm="tokenbroker"'
    for path in READS:
        assert web.get(path, *BEARER, over="tcp").status == 200
    problem(web.post(f"{TOKEN}/suspend", over="tcp"), 401)
    assert web.post(f"{TOKEN}/suspend", *BEARER, over="tcp").status == 202
    broker.wait_log("audit: suspend of token default by access token via")
    assert httpd.ACCESS_TOKEN not in broker.err() + web.err()


def test_only_our_own_names_are_answered_over_tcp(world, server):
    _, web = start_pair(world, server, hosts=["status.example"])
    for host in ("localhost", "LOCALHOST:8437", f"127.0.0.1:{web.port}", "status.example"):
        assert web.get("/livez", "-H", f"Host: {host}", over="tcp").status == 200, host
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "localhost:x"):
        problem(web.get("/livez", "-H", f"Host: {host}", over="tcp"), 421)
    assert web.get("/livez", "-H", "Host: evil.example").status == 200, "over the Unix socket any"


def test_a_page_of_another_site_commands_nothing(pair):
    broker, web = pair
    path = f"{TOKEN}/suspend"
    for origin in ("null", "http://evil.example", "http://localhost.evil.example", "http://localhost:1"):
        problem(web.post(path, "-H", f"Origin: {origin}"), 403)
    problem(web.post(path, "-d", "x=1"), 415)
    problem(web.post(path, "-H", "Content-Type: text/plain"), 415)
    problem(web.post(path, "-H", "Content-Type: application/json", "-d", "{}"), 413)
    assert broker.token_status()["state"] == "valid"
    assert web.post(path, "-H", "Content-Type: application/json", "-H", "Origin: http://localhost").status == 202


def test_commands_are_answered_as_the_broker_decides(world, pair):
    broker, web = pair
    wait_until(lambda: web.post(f"{TOKEN}/refresh").status == 202, 5, "a refresh")
    soon = web.post(f"{TOKEN}/refresh")
    problem(soon, 429)
    assert int(soon.header("retry-after")) >= 1
    problem(web.post("/v1/tokens/none/refresh"), 404)
    assert web.post(f"{TOKEN}/suspend").json()["name"] == "default"
    assert "suspended" in problem(web.post(f"{TOKEN}/refresh"), 409)
    assert web.post(f"{TOKEN}/resume").status == 202
    broker.wait_token(lambda token: token["state"] == "valid")
    assert broker.stop() == 0
    gone = web.post(f"{TOKEN}/refresh")
    assert "tokenbrokerd" in problem(gone, 503) and gone.header("retry-after")


def test_a_suspension_that_is_not_durable_is_accepted_with_a_warning(world, pair):
    _, web = pair
    world.state_dir.rmdir()
    world.state_dir.write_text("no directory")
    answer = web.post(f"{TOKEN}/suspend")
    assert answer.status == 202 and "restart" in answer.json()["warning"]


@pytest.mark.parametrize("keys, key", [
    ({"listen": ["0.0.0.0:8437"]}, "listen"),
    ({"access_token_file": "/nonexistent/access"}, "access_token_file"),
])
def test_a_wrong_configuration_is_told_with_its_place(world, keys, key):
    web = httpd.start(world, {}, **keys)
    assert web.wait() == 2
    assert re.search(rf"{re.escape(str(world.config_path))}:\d+: {key}: ", web.err()), web.err()


def test_an_access_token_that_others_may_read_is_refused(world):
    httpd.http_keys(world, 1)
    path = httpd.write_access_token(world, mode=0o644)
    web = httpd.start(world, {}, access_token_file=path)
    assert web.wait() == 2 and str(path) in web.err()


def test_a_reload_takes_a_new_access_token_and_keeps_the_old_if_it_is_wrong(world, server):
    _, web = start_pair(world, server, access_token=True)
    def status(token):
        return web.get("/v1/status", "-H", f"Authorization: Bearer {token}", over="tcp").status
    httpd.write_access_token(world, "another-access-token")
    web.signal(signal.SIGHUP)
    wait_until(lambda: status("another-access-token") == 200, 5, "the new access token")
    assert status(httpd.ACCESS_TOKEN) == 401
    httpd.write_access_token(world, "third", mode=0o644)
    web.signal(signal.SIGHUP)
    wait_until(lambda: "not taken over" in web.err(), 5, "the refusal")
    assert status("another-access-token") == 200


def test_a_stale_socket_is_replaced_and_a_live_one_is_not(world, pair):
    _, web = pair
    second = world.keep(httpd.Httpd(world, uid=httpd.HTTPD_UID if IS_ROOT else None))
    assert second.wait() == 1 and second.err().strip()
    web.kill()
    assert web.socket.exists()
    third = world.keep(httpd.Httpd(world, uid=httpd.HTTPD_UID if IS_ROOT else None, port=web.port))
    third.wait_ready()
    assert third.terminate() == 0
    assert not web.socket.exists()


# Limits

def test_slow_clients_delay_nobody_and_are_cut(world, pair):
    _, web = pair
    slow = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(1000)]
    began = time.monotonic()
    for one in slow:
        one.sendall(b"GET /livez HTTP/1.1\r\nX: ")
    while time.monotonic() - began < 7:
        for one in slow[:200]:
            one.sendall(b"x")
        assert web.get("/livez", over="tcp").status == 200
        assert web.get("/livez").status == 200
    assert web.memory_kib() < 128 * 1024
    wait_until(lambda: is_closed(slow[0]) and is_closed(slow[-1]), 15, "the cut")
    for one in slow:
        one.close()


def is_closed(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize("sent", [
    b"\x00\xff\x16\x03\x01\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 10000 + b"\r\n",
    b"POST /v1/tokens/default/suspend HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    b"POST /v1/tokens/default/suspend HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
])
def test_malformed_requests_are_refused(pair, sent):
    broker, web = pair
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(web.socket))
        connection.settimeout(15)
        try:
            connection.sendall(sent)
            head = connection.recv(64)
        except ConnectionError:
            head = b""
    assert head == b"" or re.match(rb"HTTP/1\.[01] (4\d\d|505) ", head), head
    assert web.get("/livez").status == 200
    assert broker.token_status()["state"] == "valid"


# What is broken

BROKEN = {
    "missing": lambda path, text: path.unlink(),
    "empty": lambda path, text: path.write_text(""),
    "half": lambda path, text: path.write_text(text[:len(text) // 2]),
    "no JSON": lambda path, text: path.write_text("good morning"),
    "wrong types": lambda path, text: path.write_text('{"tokens":7}'),
    "huge": lambda path, text: os.truncate(path, 17 << 20),
    "a link": lambda path, text: (path.unlink(), path.symlink_to("/etc/passwd")),
    "a FIFO": lambda path, text: (path.unlink(), os.mkfifo(path)),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_a_broken_status_is_503_with_a_reason_until_it_is_whole(world, pair, damage):
    broker, web = pair
    path = world.runtime_dir / "status.json"
    text = path.read_text()
    broker.signal(signal.SIGSTOP)
    BROKEN[damage](path, text)
    for request in ("/v1/status", TOKEN, "/readyz", "/v1/events"):
        assert "status.json" in problem(web.get(request), 503)
    metrics = web.get("/metrics")
    assert metrics.status == 200 and "\ntokenbroker_up 0\n" in metrics.body
    path.unlink(missing_ok=True)
    path.write_text(text)
    world.give(path)
    assert web.get("/v1/status").json()["tokens"][0]["name"] == "default"
    broker.signal(signal.SIGCONT)


def test_killed_under_load_it_is_missed_by_nobody(world, pair, cli):
    broker, web = pair
    load = world.process(["sh", "-c", 'while :; do curl -s --unix-socket "$0" http://localhost/v1/status; done',
                          str(web.socket)], "load")
    wait_until(lambda: len(load.out()) > 10000, 10, "some load")
    web.kill()
    assert broker.is_running() and cli("get", uid=READER_UID if IS_ROOT else None).status == 0
    again = world.keep(httpd.Httpd(world, uid=httpd.HTTPD_UID if IS_ROOT else None, port=web.port))
    again.wait_ready()
    assert again.get("/readyz").status == 200
    load.end()


@pytest.mark.needs_root
def test_its_user_can_open_neither_secret_nor_token(world, pair):
    paths = [world.secrets_dir / "default", world.segment_path()]
    for path in paths:
        ran = subprocess.run(["cat", path], user=httpd.HTTPD_UID, group=httpd.HTTPD_UID, extra_groups=[],
                             capture_output=True, check=False)
        assert ran.returncode != 0 and ran.stdout == b""


@pytest.mark.needs_root
@pytest.mark.needs_plain_build
def test_its_memory_holds_neither_secret_nor_token(world, pair, cli):
    _, web = pair
    for path in READS:
        assert web.get(path).status == 200
    token = cli("get", uid=READER_UID).out.strip().encode()
    with open(f"/proc/{web.pid}/maps", encoding="ascii") as maps, open(f"/proc/{web.pid}/mem", "rb", 0) as memory:
        found = 0
        for line in maps:
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            if line.split()[1].startswith("r") and "[v" not in line:
                memory.seek(begin)
                part = memory.read(end - begin)
                found += b"blueconic" in part or b"default" in part
                assert CLIENT_SECRET.encode() not in part and token not in part
    assert found > 0, "the scan has seen the memory"
