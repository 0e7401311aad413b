# SPDX-License-Identifier: MIT
"""Every request of tokenbroker-httpd that asks for something, as curl gets it answered."""

import base64
import hashlib
import json
import os
import re
import signal
from contextlib import contextmanager
from datetime import datetime

import pytest

import http_server
import promtool
import tb
from http_server import metrics
from tb import wait_until

COMMENT_S = 15
ROUTES = {
    "/": "text/html; charset=utf-8",
    "/livez": "text/plain; charset=utf-8",
    "/readyz": "text/plain; charset=utf-8",
    "/readyz/default": "text/plain; charset=utf-8",
    "/readyz?verbose": "text/plain; charset=utf-8",
    "/metrics": "text/plain; version=0.0.4; charset=utf-8",
    "/v1/status": "application/json",
    "/v1/tokens/default": "application/json",
}
EVENTS = "/v1/events"
COMMANDS = [f"/v1/tokens/default/{command}" for command in ("refresh", "revoke", "suspend", "resume")]
METRICS = {
    "tokenbroker_build_info", "tokenbroker_up", "tokenbroker_start_timestamp_seconds",
    "tokenbroker_token_usable", "tokenbroker_token_generation",
    "tokenbroker_token_expiry_timestamp_seconds", "tokenbroker_token_obtained_timestamp_seconds",
    "tokenbroker_token_next_attempt_timestamp_seconds", "tokenbroker_token_consecutive_failures",
    "tokenbroker_fetches_total", "tokenbroker_fetch_errors_total",
    "tokenbroker_fetch_duration_seconds", "tokenbroker_rejections_total",
    "tokenbroker_revocations_total", "tokenbroker_publishes_total",
}


@pytest.fixture(scope="module")
def running(build):
    """(world, server) with one good token, for tests that change nothing."""
    world = tb.World(build)
    try:
        _, server = http_server.serve(world, world.auth_server())
        yield world, server
    finally:
        world.close()


def assert_secure(answer):
    policy = answer.header("content-security-policy")
    assert policy.startswith("default-src 'none'; ") and "frame-ancestors 'none'" in policy
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("x-frame-options") == "DENY"
    assert answer.header("referrer-policy") == "no-referrer"
    assert answer.header("cross-origin-resource-policy") == "same-origin"
    assert answer.header("cross-origin-opener-policy") == "same-origin"
    assert answer.header("access-control-allow-origin") is None
    assert answer.header("set-cookie") is None
    assert answer.header("cache-control") == ("no-cache" if answer.header("etag") else "no-store")


# Every route

@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
@pytest.mark.parametrize("path", ROUTES)
def test_a_get_is_answered_with_its_type_and_strict_headers(running, path, unix):
    answer = running[1].ask(path, unix=unix)
    assert answer.status == 200 and answer.body
    assert answer.header("content-type") == ROUTES[path]
    assert answer.header("content-length") == str(len(answer.body))
    assert_secure(answer)


@pytest.mark.parametrize("path", [*ROUTES, "/v1/tokens/unknown", "/nothing"])
def test_head_is_get_without_the_body(running, path):
    get, head = (running[1].ask(path, *arguments) for arguments in ((), ("--head",)))
    assert head.body == b"" and head.status == get.status
    passing = {"date", "content-length"} if "verbose" in path else {"date"}  # the time that is left

    def lasting(answer):
        return [pair for pair in answer.headers if pair[0] not in passing]
    assert lasting(head) == lasting(get)
    assert int(head.header("content-length")) > 0


def test_head_of_the_events_ends(running):
    answer = running[1].ask(EVENTS, "--head")
    assert (answer.status, answer.header("content-type")) == (200, "text/event-stream")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("path", [*ROUTES, EVENTS])
def test_another_method_is_told_which_there_are(running, path, method):
    answer = running[1].ask(path, "--request", method)
    assert answer.problem(405)
    assert answer.header("allow") == "GET, HEAD"
    assert_secure(answer)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_has_no_other_method(running, path, method):
    how = ["--head"] if method == "HEAD" else ["--request", method]
    answer = running[1].ask(path, *how, unix=True)
    assert (answer.status, answer.header("allow")) == (405, "POST")


@pytest.mark.parametrize("path", [
    "/v1", "/v1/", "/v1/status/", "/v1//status", "/V1/status", "/v1/statu", "/v1/status.json",
    "/v1/tokens", "/v1/tokens/", "/v1/tokens/default/", "/v1/tokens/default/reject",
    "/v1/tokens/../status", "/v1/tokens/%64efault", "/v1/tokens/default%00", "/v1/tokens/Default",
    "/v1/tokens/" + "a" * 49, "/readyz/", "/readyz/default/more", "/readyz/%2e%2e", "/livez/",
    "//", "/../../etc/passwd", "/%2e%2e/etc/passwd", "/.env", "/favicon.ico", "/metrics/",
])
def test_any_other_path_is_404(running, path):
    answer = running[1].ask(path)
    assert answer.problem(404)
    assert_secure(answer)


@pytest.mark.parametrize("path", ["/v1/tokens/unknown", "/readyz/unknown", "/v1/tokens/" + "a" * 48])
def test_a_name_that_no_token_has_is_404(running, path):
    assert "no token" in running[1].ask(path).problem(404)


def test_a_query_that_nobody_knows_changes_nothing(running):
    server = running[1]
    assert server.ask("/v1/status?x=1&&=&%").body == server.ask("/v1/status").body
    assert server.ask("/livez?verbose").text() == "ok\n"


# The page

def test_the_page_may_run_its_own_script_and_style_and_nothing_else(running):
    answer = running[1].ask("/")
    html = answer.text()
    policy = dict(part.split(" ", 1) for part in answer.header("content-security-policy").split("; "))
    assert policy == {
        "default-src": "'none'", "connect-src": "'self'", "base-uri": "'none'", "form-action": "'none'",
        "frame-ancestors": "'none'", "img-src": "data:",
        "script-src": source_of(html, "script"), "style-src": source_of(html, "style"),
    }
    assert html.count('<link rel="icon" href="data:,">') == 1, "no /favicon.ico is asked for"
    html = html.replace('href="data:,"', "")
    assert not re.search(r"(?i)\b(src|href|action|style|on\w+)\s*=\s*[\"']", html.partition("<script>")[0])


def source_of(html, element):
    """How a policy names the one element of that kind."""
    contents = re.findall(f"<{element}>(.*?)</{element}>", html, re.DOTALL)
    assert len(contents) == 1 and len(re.findall(rf"<{element}\b", html)) == 1
    digest = hashlib.sha256(contents[0].encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def test_the_page_holds_no_data(running):
    world, server = running
    html = server.ask("/").text()
    for value in (world.token_status()["fingerprint"], str(world.runtime_dir), str(world.reader_uid)):
        assert value not in html


# The status

def test_the_status_is_the_document_that_the_broker_wrote(running):
    world, server = running
    assert server.status() == world.status()
    assert server.ask("/v1/tokens/default").json() == world.token_status()


def test_what_has_not_changed_is_not_sent_again(running):
    server = running[1]
    tag = server.ask("/v1/status").header("etag")
    assert re.fullmatch(r'"[0-9a-f]+"', tag)
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        for head in ((), ("--head",)):
            answer = server.ask("/v1/status", "--header", f"If-None-Match: {known}", *head)
            assert (answer.status, answer.body) == (304, b"")
            assert answer.header("etag") == tag
            assert_secure(answer)
    for unknown in ('"0"', tag.strip('"'), '""'):
        answer = server.ask("/v1/status", "--header", f"If-None-Match: {unknown}")
        assert answer.status == 200 and answer.body


def test_a_change_has_another_tag(world, server):
    _, http = http_server.serve(world, server)
    old = http.ask("/v1/status")
    assert world.cli("suspend", "default").status == 0
    new = wait_until(lambda: (answer := http.ask(
        "/v1/status", "--header", f"If-None-Match: {old.header('etag')}")).status == 200 and answer)
    assert new.json()["tokens"][0]["state"] == "suspended"
    assert new.header("etag") != old.header("etag")


@pytest.mark.parametrize("unix, has", [(False, "unavailable"), (True, "available")], ids=["tcp", "unix"])
def test_it_says_whether_this_way_leads_to_commands(running, unix, has):
    assert running[1].ask("/v1/status", unix=unix).header("tokenbroker-commands") == has


# Health

def test_a_good_token_is_ready(running):
    server = running[1]
    for path in ("/livez", "/readyz", "/readyz/default"):
        assert server.ask(path).text() == "ok\n"
    for path in ("/readyz?verbose", "/readyz/default?verbose", "/readyz?a=b&verbose=1"):
        assert re.fullmatch("broker: ok\ndefault: ok, (59 min.*|1 h 0 min) left\n", server.ask(path).text())


def test_one_bad_token_of_two_makes_all_not_ready_and_the_other_stays_so(world, server):
    tokens = {name: world.token(server, name) for name in ("crm", "etl")}
    _, http = http_server.serve(world, server, tokens=tokens)
    assert http.ask("/readyz").status == 200
    assert world.cli("suspend", "etl").status == 0
    wait_until(lambda: http.ask("/readyz").status == 503, what="the suspension")
    assert http.ask("/readyz").problem(503) == "1 of 2 tokens is not usable: etl is suspended"
    assert http.ask("/readyz/etl").problem(503) == "etl is suspended"
    assert http.ask("/readyz/crm").text() == "ok\n"
    assert http.ask("/livez").text() == "ok\n"
    answer = http.ask("/readyz?verbose")
    assert answer.status == 503 and answer.header("content-type") == ROUTES["/readyz?verbose"]
    assert re.fullmatch("broker: ok\ncrm: ok, .* left\netl: suspended\n", answer.text())
    assert http.ask("/readyz/etl?verbose").text() == "broker: ok\netl: suspended\n"
    samples = metrics(http.ask("/metrics").text())
    assert samples['tokenbroker_token_usable{token="crm"}'] == 1
    assert samples['tokenbroker_token_usable{token="etl"}'] == 0


def test_without_tokens_it_is_ready(world, server):
    _, http = http_server.serve(world, server, tokens={})
    assert http.ask("/readyz").text() == "ok\n"
    assert http.ask("/readyz?verbose").text() == "broker: ok\n"
    assert http.status()["tokens"] == []


@contextmanager
def stopped(broker):
    """It is there and does nothing, as if it hung."""
    broker.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        broker.signal(signal.SIGCONT)


def set_heartbeat(world, seconds_ago):
    path = world.runtime_dir / "status.json"
    at_ns = path.stat().st_mtime_ns - seconds_ago * 10**9
    os.utime(path, ns=(at_ns, at_ns))


def test_a_broker_that_hangs_is_not_alive_whatever_its_document_says(world, server):
    broker, http = http_server.serve(world, server)
    with stopped(broker):
        assert http.ask("/livez").status == 200
        set_heartbeat(world, 30)
        assert http.ask("/livez").status == 200, "it may take its time"
        set_heartbeat(world, 30)
        assert "45 s" in http.ask("/livez").problem(503)
        for path in ("/readyz", "/readyz/default"):
            assert "sign of life" in http.ask(path).problem(503)
        answer = http.ask("/readyz?verbose")
        assert (answer.status, answer.text().splitlines()[0]) == (503, "broker: no sign of life")
        samples = metrics(http.ask("/metrics").text())
        assert samples["tokenbroker_up"] == 0
        assert samples['tokenbroker_token_usable{token="default"}'] == 1, "readers still have it"
        assert http.status()["tokens"][0]["state"] == "valid"
    assert world.cli("suspend", "default").status == 0
    wait_until(lambda: http.ask("/livez").status == 200, what="life")
    assert metrics(http.ask("/metrics").text())["tokenbroker_up"] == 1


def test_a_broker_that_was_stopped_is_lost_at_once_and_back_at_once(world, server):
    broker, http = http_server.serve(world, server)
    assert broker.stop() == 0
    assert http.ask("/livez").problem(503)
    assert http.ask("/readyz").problem(503)
    assert metrics(http.ask("/metrics").text())["tokenbroker_up"] == 0
    world.broker().wait_ready()
    assert http.ask("/livez").text() == "ok\n"
    assert http.ask("/readyz").text() == "ok\n"


def test_a_token_past_its_expiry_is_shown_expired_though_the_document_says_valid(world, server):
    server.settings(expires_in=4)
    broker, http = http_server.serve(world, server)
    with stopped(broker), events_of(http) as shown:
        wait_until(lambda: http.status()["tokens"][0]["state"] == "expired", what="the expiry")
        assert world.token_status()["state"] == "valid", "nobody has written it"
        assert http.ask("/v1/tokens/default").json()["state"] == "expired"
        assert http.ask("/readyz").problem(503) == "1 of 1 tokens is not usable: default is expired"
        assert http.ask("/readyz?verbose").text() == "broker: ok\ndefault: expired\n"
        assert metrics(http.ask("/metrics").text())['tokenbroker_token_usable{token="default"}'] == 0
        wait_until(lambda: shown() and shown()[-1]["tokens"][0]["state"] == "expired", what="the event")


# Metrics

def test_all_metrics_are_there_and_clean(running, built):
    world, server = running
    text = server.ask("/metrics").text()
    assert set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)) == METRICS
    promtool.check_metrics(promtool.find(built), text)


def test_the_metrics_say_what_the_document_says(running):
    world, server = running
    document = world.status()
    token = document["tokens"][0]
    samples = metrics(server.ask("/metrics").text())

    def sample(name, **labels):
        pairs = ",".join(f'{key}="{value}"' for key, value in {"token": "default", **labels}.items())
        return samples[f"tokenbroker_{name}{{{pairs}}}"]
    assert samples[f'tokenbroker_build_info{{version="{document["version"]}"}}'] == 1
    assert samples["tokenbroker_up"] == 1
    assert samples["tokenbroker_start_timestamp_seconds"] == seconds(document["started_at"])
    assert sample("token_usable") == 1
    assert sample("token_generation") == token["generation"]
    assert sample("token_expiry_timestamp_seconds") == seconds(token["expires_at"])
    assert sample("token_obtained_timestamp_seconds") == seconds(token["obtained_at"])
    assert sample("token_next_attempt_timestamp_seconds") == seconds(token["next_attempt_at"])
    assert sample("fetches_total", result="ok") == token["counters"]["fetches"]["ok"] == 1
    assert sample("fetch_errors_total", reason="network") == 0
    assert sample("fetch_duration_seconds_bucket", le="+Inf") == 1


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


# Events

@contextmanager
def events_of(http, *arguments, lines=False):
    """A function that returns the documents that have come so far, or the lines."""
    process = http.world.process(http.command(EVENTS, "--no-buffer", "--max-time", "60", *arguments), "curl")

    def shown():
        whole = process.out().rpartition("\n")[0]
        if lines:
            return whole.split("\n")
        return [json.loads(line.removeprefix("data: ")) for line in whole.split("\n")
                if line.startswith("data: ")]
    try:
        yield shown
    finally:
        process.end()


def test_the_document_comes_at_once_and_once_for_each_change(world, server):
    broker, http = http_server.serve(world, server)
    with events_of(http) as shown:
        wait_until(shown, 5, "the first event")
        assert shown() == [world.status()]
        for command, state in (("suspend", "suspended"), ("resume", "valid")):
            assert world.cli(command, "default").status == 0
            wait_until(lambda state=state: shown()[-1]["tokens"][0]["state"] == state, 5, "an event")
        broker.wait_token(lambda token: token["counters"]["revocations"]["ok"] == 1)
        wait_until(lambda: shown()[-1] == world.status(), 5, "the last event")
        assert all(before != after for before, after in zip(shown(), shown()[1:]))


def test_a_heartbeat_is_no_event_and_silence_is_broken_by_a_comment(world, server):
    _, http = http_server.serve(world, server)
    with events_of(http, lines=True) as shown:
        wait_until(lambda: len(shown()) >= 3, 5, "the first event")
        assert shown()[0] == "event: status" and shown()[2] == ""
        set_heartbeat(world, 1)
        wait_until(lambda: ":" in shown(), COMMENT_S + 5, "a comment")
        assert [line.partition(" ")[0] for line in shown() if line] == ["event:", "data:", ":"]


def test_events_are_unbuffered_text_without_an_end(running):
    with events_of(running[1], "--include", lines=True) as shown:
        wait_until(lambda: "event: status" in shown(), 5, "the first event")
        answer = http_server.parse("\n".join(shown()).replace("\r", "").replace("\n", "\r\n").encode())
    assert answer.header("content-type") == "text/event-stream"
    assert answer.header("content-length") is None
    assert answer.header("tokenbroker-commands") == "unavailable"
    assert_secure(answer)


def test_who_watches_goes_on_when_the_broker_is_replaced(world, server):
    broker, http = http_server.serve(world, server)
    with events_of(http) as shown:
        wait_until(shown, 5, "the first event")
        assert broker.stop() == 0
        successor = world.broker().wait_ready()
        wait_until(lambda: shown()[-1]["pid"] == successor.pid, 5, "the new broker's event")
