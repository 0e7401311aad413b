# SPDX-License-Identifier: MIT
"""Who may ask tokenbroker-httpd for what: callers, access tokens, other sites, commands."""

import contextlib
import re
import signal
import socket
import threading
import time

import pytest

import control
import http_server
from http_server import HTTP_UID, bearer, header
from tb import READER_UID, STRANGER_UID, as_uid, wait_until

ACCESS_TOKEN = "access-token-of-the-tests-0123456789"
OTHER_TOKEN = "another-access-token-of-the-tests-01"
ADMIN_UID = 10006
ADMIN_GROUP = 20002
COMMANDS = ("refresh", "revoke", "suspend", "resume")
READS = ("/readyz", "/readyz/default", "/metrics", "/v1/status", "/v1/tokens/default", "/v1/events")
PUBLIC = ("/", "/livez")
REFRESH, SUSPEND = (f"/v1/tokens/default/{command}" for command in ("refresh", "suspend"))


def guarded(world, server, **options):
    """(broker, http) with an access token over TCP."""
    path = http_server.write_access_token(world, ACCESS_TOKEN)
    return http_server.serve(world, server, http={"access_token_file": path, **options.pop("http", {})},
                       **options)


def assert_untouched(world, server):
    """No command has had an effect."""
    assert world.token_status()["state"] == "valid"
    assert (server.requests(), server.requests("revoke")) == (1, 0)


# Over the Unix socket

@pytest.mark.needs_root
def test_everybody_reads_over_the_unix_socket(world, server):
    _, http = guarded(world, server)
    for path in (*PUBLIC, *READS[:-1]):
        assert http.ask(path, unix=True, uid=STRANGER_UID).status == 200
    assert http.ask(READS[-1], "--head", unix=True, uid=STRANGER_UID).status == 200


@pytest.mark.needs_root
def test_commands_over_the_unix_socket_go_by_who_connects(world, server):
    broker, http = http_server.serve(world, server, admins=[str(ADMIN_UID)])
    for uid in (READER_UID, STRANGER_UID, HTTP_UID):
        for command in COMMANDS:
            answer = http.post(f"/v1/tokens/default/{command}", unix=True, uid=uid)
            assert "admin" in answer.problem(403)
    assert_untouched(world, server)
    broker.wait_log(f"audit: suspend of token default by uid {STRANGER_UID} via tokenbroker-httpd "
                    f"(uid {HTTP_UID}): denied")
    for uid, command in ((ADMIN_UID, "suspend"), (0, "resume"), (world.broker_uid, "suspend")):
        assert http.post(f"/v1/tokens/default/{command}", unix=True, uid=uid).status == 202
        broker.wait_log(f"audit: {command} of token default by uid {uid} via tokenbroker-httpd "
                        f"(uid {HTTP_UID}): accepted")


@pytest.mark.needs_root
def test_a_supplementary_group_of_the_caller_counts(world, server):
    _, http = http_server.serve(world, server, admins=[f"@{ADMIN_GROUP}"])

    def suspend(groups):
        argv = http.command(SUSPEND, "--request", "POST", "--include", unix=True)
        return http_server.parse(as_uid(STRANGER_UID, http_server.curl, argv, groups=groups)).status
    assert suspend([]) == 403
    assert suspend([ADMIN_GROUP - 1, ADMIN_GROUP]) == 202


@pytest.mark.needs_root
def test_a_credential_in_a_header_makes_nobody_an_administrator_there(world, server):
    _, http = guarded(world, server)
    answer = http.post(SUSPEND, *bearer(ACCESS_TOKEN), unix=True, uid=STRANGER_UID)
    assert answer.problem(403)
    assert_untouched(world, server)


@pytest.mark.needs_root
@pytest.mark.parametrize("origin, claimed", [(control.USER, ADMIN_UID), (control.USER, 0),
                                             (control.ACCESS_TOKEN, 0)])
def test_nobody_forges_the_origin_of_a_command_past_the_server(world, server, origin, claimed):
    http_server.serve(world, server, admins=[str(ADMIN_UID)])
    for uid in (READER_UID, STRANGER_UID):
        answer = as_uid(uid, lambda: control.command(
            world.runtime_dir, control.SUSPEND, origin=origin, uid=claimed, gid=claimed))
        assert answer.result == "denied"
    assert_untouched(world, server)


@pytest.mark.needs_root
def test_a_server_that_is_not_http_user_passes_no_commands(world, server):
    _, http = http_server.serve(world, server, admins=[str(ADMIN_UID)], http={"user": str(HTTP_UID + 50)})
    assert "http.user" in http.post(SUSPEND, unix=True, uid=ADMIN_UID).problem(403)
    assert http.ask("/v1/status").status == 200
    assert_untouched(world, server)


# Over TCP

def test_without_an_access_token_tcp_is_read_only(world, server):
    _, http = http_server.serve(world, server)
    for command in COMMANDS:
        for credentials in ([], bearer(ACCESS_TOKEN), bearer("")):
            answer = http.post(f"/v1/tokens/default/{command}", *credentials)
            assert "access_token_file" in answer.problem(403)
    assert_untouched(world, server)


def test_with_an_access_token_everything_but_the_page_and_livez_needs_it(world, server):
    _, http = guarded(world, server)
    for path in PUBLIC:
        assert http.ask(path).status == 200
        assert http.ask(path, *bearer("wrong")).status == 200
    for arguments, reading in (((), "unavailable"), (bearer("wrong"), "unavailable"),
                               (bearer(ACCESS_TOKEN), "available")):
        assert http.ask("/livez", *arguments).header("tokenbroker-reading") == reading
    assert http.ask("/livez", unix=True).header("tokenbroker-reading") == "available"
    for path in READS:
        for method in ("GET", "HEAD"):
            how = ["--head"] if method == "HEAD" else []
            answer = http.ask(path, *how)
            assert (answer.status, answer.header("www-authenticate")) == (401, 'Bearer realm="tokenbroker"')
        assert http.ask(path).problem(401)
        assert http.ask(path, "--head", *bearer(ACCESS_TOKEN)).status == 200
    for command in COMMANDS:
        assert http.post(f"/v1/tokens/default/{command}").problem(401)
    assert_untouched(world, server)


def test_a_name_is_not_told_to_who_has_no_access_token(world, server):
    _, http = guarded(world, server)
    known, unknown = http.ask("/v1/tokens/default"), http.ask("/v1/tokens/unknown")
    assert known.problem(401) == unknown.problem(401)


@pytest.mark.parametrize("value", [
    "Bearer", "Bearer ", "Bearer wrong", f"Bearer {ACCESS_TOKEN}x", f"Bearer {ACCESS_TOKEN[:-1]}",
    f"Bearer {ACCESS_TOKEN.upper()}", f"Bearer  {ACCESS_TOKEN}", f"Bearer {ACCESS_TOKEN}, Bearer x",
    ACCESS_TOKEN, f"Basic {ACCESS_TOKEN}", f"Token {ACCESS_TOKEN}", "Bearer " + "x" * 5000,
], ids=range(12))
def test_only_the_access_token_itself_opens(world, server, value):
    _, http = guarded(world, server)
    detail = http.ask("/v1/status", *header("Authorization", value)).problem(401)
    assert ACCESS_TOKEN not in detail + http.err()


def test_the_access_token_passes_commands_and_is_told_as_what_it_is(world, server):
    broker, http = guarded(world, server)
    answer = http.ask("/v1/status", *bearer(ACCESS_TOKEN))
    assert answer.header("tokenbroker-commands") == "available"
    assert http.ask("/v1/status", *header("authorization", f"bearer {ACCESS_TOKEN}")).status == 200
    assert http.post(SUSPEND, *bearer(ACCESS_TOKEN)).status == 202
    broker.wait_log("audit: suspend of token default by access token via tokenbroker-httpd "
                    f"(uid {HTTP_UID}): accepted")


def test_two_authorizations_are_none(world, server):
    _, http = guarded(world, server)
    for other in (OTHER_TOKEN, ACCESS_TOKEN):
        for pair in ((ACCESS_TOKEN, other), (other, ACCESS_TOKEN)):
            assert http.ask("/v1/status", *bearer(pair[0]), *bearer(pair[1])).problem(401)


def test_a_token_in_the_query_or_a_cookie_is_none(world, server):
    _, http = guarded(world, server)
    assert http.ask(f"/v1/status?access_token={ACCESS_TOKEN}").problem(401)
    assert http.ask("/v1/status", "--cookie", f"access_token={ACCESS_TOKEN}").problem(401)


# Other names and other sites

def test_a_host_that_is_not_ours_is_refused_over_tcp(world, server):
    _, http = http_server.serve(world, server, http={"hosts": ["status.example.com"]})
    host, port = http.address
    for name in ("localhost", "LocalHost", f"localhost:{port}", "localhost:1", host, f"{host}:{port}",
                 "status.example.com", "STATUS.example.com:443"):
        assert http.ask("/livez", *header("Host", name)).status == 200, name
    for name in ("evil.example", "localhost.evil.example", "example.com", "x.status.example.com",
                 "status.example.com.evil", "127.255.1.2", f"{host}.evil.example", f"{host}:x",
                 "localhost:80:80", "[::1]", "user@localhost", "localhost/"):
        for path in ("/", "/livez", "/v1/status", "/nothing"):
            assert "http.hosts" in http.ask(path, *header("Host", name)).problem(421), name
    assert http.ask("/livez", *header("Host", "evil.example"), unix=True).status == 200


def raw(http, text):
    """What comes back for bytes that curl would not send, until the end."""
    with http.connect() as connection:
        connection.sendall(text.encode())
        connection.shutdown(socket.SHUT_WR)
        data = b""
        while piece := connection.recv(65536):
            data += piece
    return http_server.parse(data)


def test_one_host_header_is_needed(world, server):
    _, http = http_server.serve(world, server)
    for heads in ("", "Host: localhost\r\nHost: localhost\r\n", "Host: localhost\r\nHost: evil\r\n"):
        for version in ("1.1", "1.0"):
            answer = raw(http, f"GET /livez HTTP/{version}\r\n{heads}Connection: close\r\n\r\n")
            assert answer.status == 400


def test_a_page_of_another_site_can_send_no_command(world, server):
    _, http = guarded(world, server)
    for unix in (False, True):
        for origin in ("http://evil.example", "null", "https://localhost.evil", "http://localhost:1",
                       f"{http.base}.evil", "file://", ""):
            answer = http.post(SUSPEND, *bearer(ACCESS_TOKEN), "--header", f"Origin:{origin or ' ;'}",
                               unix=unix)
            assert "another site" in answer.problem(403), origin
    assert_untouched(world, server)


def test_our_own_page_can_send_commands(world, server):
    _, http = guarded(world, server)
    answer = http.post(SUSPEND, *bearer(ACCESS_TOKEN), *header("Origin", http.base))
    assert answer.status == 202
    answer = http.post("/v1/tokens/default/resume", *bearer(ACCESS_TOKEN),
                       *header("Host", "localhost"), *header("Origin", "https://localhost"))
    assert answer.status == 202, "behind a proxy that speaks TLS"


def test_a_form_can_send_no_command(world, server):
    _, http = guarded(world, server)
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain",
                 "application/jsonp", "text/plain; application/json", "application/json-patch+json"):
        answer = http.post(SUSPEND, *bearer(ACCESS_TOKEN), *header("Content-Type", kind))
        assert "application/json" in answer.problem(415)
    assert_untouched(world, server)
    answer = http.post(SUSPEND, *bearer(ACCESS_TOKEN),
                       *header("Content-Type", "Application/JSON; charset=utf-8"))
    assert answer.status == 202


@pytest.mark.parametrize("arguments", [
    ["--data-binary", "{}"], ["--data-binary", "{}", "--header", "Transfer-Encoding: chunked"],
    ["--data-binary", "x" * 100000], ["--data-binary", "x" * 100000, "--header", "Expect: 100-continue"],
], ids=["small", "chunked", "large", "announced"])
def test_a_command_has_no_body(world, server, arguments):
    _, http = guarded(world, server)
    answer = http.ask(SUSPEND, "--request", "POST", *bearer(ACCESS_TOKEN), *arguments,
                      *header("Content-Type", "application/json"))
    assert answer.problem(413)
    assert_untouched(world, server)


def test_a_question_has_no_body_either(world, server):
    _, http = http_server.serve(world, server)
    assert http.ask("/v1/status", "--request", "GET", "--data-binary", "{}").problem(413)


# What commands answer

def test_a_command_is_answered_with_the_token_as_it_was_accepted(world, server):
    broker, http = http_server.serve(world, server)
    for command in ("suspend", "suspend", "resume", "resume"):
        answer = http.post(f"/v1/tokens/default/{command}", unix=True)
        assert (answer.status, answer.header("content-type")) == (202, "application/json")
        document = answer.json()
        assert document["name"] == "default" and "warning" not in document
        assert set(document) == set(world.token_status())
        assert (document["state"] == "suspended") == (command == "suspend"), "as it is after the command"
    before = broker.wait_token(lambda token: token["state"] == "valid")["generation"]
    wait_until(lambda: http.post(REFRESH, unix=True).status == 202, what="a refresh")
    token = broker.wait_token(lambda token: token["generation"] > before)
    wait_until(lambda: http.post("/v1/tokens/default/revoke", unix=True).status == 202, what="a revocation")
    broker.wait_token(lambda later: later["generation"] > token["generation"])


def test_a_command_for_a_token_that_is_not_there_is_404(world, server):
    _, http = http_server.serve(world, server)
    for command in COMMANDS:
        assert "unknown" in http.post(f"/v1/tokens/unknown/{command}", unix=True).problem(404)
    for path in ("/v1/tokens/default/reject", "/v1/tokens/Default/refresh", "/v1/tokens//refresh"):
        assert http.post(path, unix=True).problem(404)


def test_a_command_in_conflict_is_409_and_says_with_what(world, server):
    _, http = http_server.serve(world, server, revoke_url=None)
    assert "revocation address" in http.post("/v1/tokens/default/revoke", unix=True).problem(409)
    assert http.post(SUSPEND, unix=True).status == 202
    for command in ("refresh", "revoke"):
        assert "resume" in http.post(f"/v1/tokens/default/{command}", unix=True).problem(409)


def test_a_refresh_too_soon_is_429_and_says_when_to_come_again(world, server):
    _, http = http_server.serve(world, server, retry_min=60, retry_max=60)
    answer = http.post(REFRESH, unix=True)
    assert answer.problem(429)
    assert 0 < int(answer.header("retry-after")) <= 60
    assert server.requests() == 1


def test_without_a_broker_a_command_is_503_and_the_document_is_still_shown(world, server):
    broker, http = http_server.serve(world, server)
    assert broker.stop() == 0
    for command in COMMANDS:
        answer = http.post(f"/v1/tokens/default/{command}", unix=True)
        assert "tokenbrokerd" in answer.problem(503)
        assert int(answer.header("retry-after")) >= 1
    assert http.ask("/v1/status").status == 200


class BusyBroker:
    """Stands in the place of a broker's control socket: says "busy" so often, "accepted" from then on."""

    def __init__(self, world, busy):
        self.times = []
        self._busy = busy
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path = world.runtime_dir / "control.sock"
        path.unlink()
        self._socket.bind(str(path))
        path.chmod(0o666)
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self.times.append(time.monotonic())
                result = "busy" if len(self.times) <= self._busy else "accepted"
                connection.recv(control.REQUEST.size)
                connection.send(control.pack_answer(result))

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()


def test_a_command_waits_until_the_broker_has_a_place(world, server):
    _, http = http_server.serve(world, server)
    with contextlib.closing(BusyBroker(world, busy=3)) as broker:
        assert http.post(REFRESH, unix=True).status == 202
    assert len(broker.times) == 4
    pauses = [later - earlier for earlier, later in zip(broker.times, broker.times[1:])]
    assert all(pause >= 0.009 * 2 ** number for number, pause in enumerate(pauses))


def test_a_command_waits_a_second_for_a_place_and_no_longer(world, server):
    _, http = http_server.serve(world, server)
    with contextlib.closing(BusyBroker(world, busy=1000)) as broker:
        began = time.monotonic()
        answer = http.post(REFRESH, unix=True)
    assert answer.problem(503) and int(answer.header("retry-after")) >= 1
    assert 0.9 < broker.times[-1] - began < 3
    assert 5 < len(broker.times) < 20


def test_a_broker_that_is_killed_during_a_command_leaves_nobody_waiting(world, server):
    broker, http = http_server.serve(world, server)
    world.may_leave_segments = True
    broker.signal(signal.SIGSTOP)
    waiting = world.process(http.command(SUSPEND, "--request", "POST", "--include", unix=True), "curl")
    wait_until(lambda: control.waiting() > 0, what="the command at the broker")
    assert http.ask("/livez").status == 200, "others are served meanwhile"
    broker.kill()
    assert waiting.wait() == 0
    assert http_server.parse(waiting.out_path.read_bytes()).problem(503)


@pytest.mark.needs_root
def test_a_suspension_that_cannot_be_written_down_is_accepted_with_a_warning(world, server):
    broker, http = http_server.serve(world, server)
    world.state_dir.rename(world.state_dir.with_name("gone"))
    answer = http.post(SUSPEND, unix=True)
    assert answer.status == 202 and "restart" in answer.json()["warning"]
    broker.wait_token(lambda token: token["state"] == "suspended")


# Reload

def reload(http):
    """Has read its configuration again, for better or worse."""
    before = http.notifications.lines().count("READY=1")
    http.signal(signal.SIGHUP)
    wait_until(lambda: http.notifications.lines().count("READY=1") > before, what="the reload")
    lines = http.notifications.lines()
    assert lines.index("RELOADING=1") < len(lines) - 1 - lines[::-1].index("READY=1")


def test_a_reload_takes_a_new_access_token_and_new_hosts(world, server):
    _, http = guarded(world, server)
    http_server.write_access_token(world, OTHER_TOKEN)
    text = world.config_path.read_text()
    world.config_path.write_text(text.replace("user =", 'hosts = {"new.example.com"}\nuser ='))
    assert http.ask("/v1/status", *bearer(ACCESS_TOKEN)).status == 200
    reload(http)
    assert http.ask("/v1/status", *bearer(ACCESS_TOKEN)).status == 401
    assert http.ask("/v1/status", *bearer(OTHER_TOKEN), *header("Host", "new.example.com")).status == 200


def test_a_reload_ends_what_is_watched_with_the_former_access_token(world, server):
    _, http = guarded(world, server)
    watching = world.process(http.command("/v1/events", "--no-buffer", *bearer(ACCESS_TOKEN)), "curl")
    wait_until(lambda: "data: " in watching.out(), what="an event")
    http_server.write_access_token(world, OTHER_TOKEN)
    http.signal(signal.SIGHUP)
    watching.wait(10)
    assert http.ask("/v1/status", *bearer(OTHER_TOKEN)).status == 200


def test_a_reload_of_something_broken_changes_nothing(world, server):
    _, http = guarded(world, server)
    good = world.config_path.read_text()
    world.config_path.write_text(good + "no_such_key = 1\n")
    reload(http)
    http.wait_log("no_such_key")
    http.wait_log("the former one holds")
    world.config_path.write_text(good)
    path = http_server.write_access_token(world, OTHER_TOKEN, 0o644)
    reload(http)
    http.wait_log(f"access_token_file: {path} is accessible")
    assert http.ask("/v1/status", *bearer(ACCESS_TOKEN)).status == 200
    assert http.ask("/v1/status", *bearer(OTHER_TOKEN)).status == 401
    assert ACCESS_TOKEN not in http.err() and OTHER_TOKEN not in http.err()


def test_a_reload_that_takes_the_access_token_away_takes_commands_away(world, server):
    _, http = guarded(world, server)
    text = world.config_path.read_text()
    world.config_path.write_text(re.sub("access_token_file = .*", "", text))
    reload(http)
    assert http.ask("/v1/status").status == 200
    assert http.post(SUSPEND, *bearer(ACCESS_TOKEN)).problem(403)
