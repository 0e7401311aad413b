# SPDX-License-Identifier: MIT
"""Who may ask tokenbroker-httpd for what: callers, access tokens, other sites, sockets, commands."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys

import pytest

import control
import http_server
from http_server import HTTP_UID
from tb import READER_UID, STRANGER_UID, as_uid, wait_until

ACCESS_TOKEN = "access-token-of-the-tests-0123456789"
OTHER_TOKEN = "another-access-token-of-the-tests-01"
ADMIN_UID = 10006
ADMIN_GROUP = 20002
COMMANDS = ("refresh", "revoke", "suspend", "resume")
READS = ("/readyz", "/readyz/default", "/metrics", "/v1/status", "/v1/tokens/default", "/v1/events")
PUBLIC = ("/", "/livez")
REFRESH, SUSPEND = (f"/v1/tokens/default/{command}" for command in ("refresh", "suspend"))


def bearer(token):
    return ["--header", f"Authorization: Bearer {token}"]


def header(name, value):
    return ["--header", f"{name}: {value}"]


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


def test_a_broker_that_is_killed_during_a_command_leaves_nobody_waiting(world, server):
    broker, http = http_server.serve(world, server)
    world.may_leave_segments = True
    broker.signal(signal.SIGSTOP)
    waiting = world.process(http.command(SUSPEND, "--request", "POST", "--include", unix=True), "curl")
    wait_until(lambda: sockets_of(broker.pid) > 0, what="the command at the broker")
    assert http.ask("/livez").status == 200, "others are served meanwhile"
    broker.kill()
    assert waiting.wait() == 0
    assert http_server.parse(waiting.out_path.read_bytes()).problem(503)


def sockets_of(pid):
    """Connections to the control socket that wait to be accepted."""
    with open("/proc/net/unix", encoding="ascii", errors="replace") as table:
        rows = [line.split() for line in table]
    return sum(1 for row in rows if row[-1].endswith("control.sock") and row[5] == "02")


@pytest.mark.needs_root
def test_a_suspension_that_cannot_be_written_down_is_accepted_with_a_warning(world, server):
    broker, http = http_server.serve(world, server)
    world.state_dir.rename(world.state_dir.with_name("gone"))
    answer = http.post(SUSPEND, unix=True)
    assert answer.status == 202 and "restart" in answer.json()["warning"]
    broker.wait_token(lambda token: token["state"] == "suspended")


# Configuration

def ends(world, *arguments):
    """(exit status, lines on stderr) of a server that should not start."""
    http = http_server.start(world, *arguments)
    status = http.wait()
    assert not http.notifications.has("READY=1")
    return status, http.err_lines()


def refuse(world, key, reason, **keys):
    """A mistake in the http section: 2, and the place where it stands."""
    world.write_config({}, http=http_server.section(world, **keys))
    lines = world.config_path.read_text().splitlines()
    number = 1 + next(i for i, line in enumerate(lines) if line.startswith(f"{key} ="))
    for arguments in ((), ("--check-config",)):
        status, messages = ends(world, *arguments)
        assert status == 2
        where = f"{world.config_path}:{number}: {key}: "
        assert any(where in line and reason in line for line in messages), messages


@pytest.mark.parametrize("address", ["0.0.0.0:8437", "[::]:8437", "192.0.2.1:8437", "[2001:db8::1]:1"])
def test_an_address_that_others_reach_needs_an_access_token_and_a_yes_to_cleartext(world, address):
    path = http_server.write_access_token(world, ACCESS_TOKEN)
    for keys in ({}, {"allow_cleartext": True}, {"access_token_file": path}):
        refuse(world, "listen", "loopback", listen=[address], **keys)


@pytest.mark.parametrize("mode, whose", [(0o644, None), (0o660, None), (0o600, STRANGER_UID)],
                         ids=["world", "group", "owner"])
@pytest.mark.needs_root
def test_a_loose_access_token_file_is_refused(world, mode, whose):
    path = http_server.write_access_token(world, ACCESS_TOKEN, mode)
    if whose is not None:
        os.chown(path, whose, whose)
    refuse(world, "access_token_file", str(path), access_token_file=path)


def test_an_access_token_file_that_is_missing_or_empty_is_refused(world):
    refuse(world, "access_token_file", "No such file", access_token_file=world.directory / "nothing")
    path = http_server.write_access_token(world, "")
    refuse(world, "access_token_file", "empty", access_token_file=path)


def test_a_server_without_any_address_does_not_start(world):
    world.write_config({}, http=http_server.section(world, listen=[], unix_socket=""))
    status, lines = ends(world)
    assert status == 2 and "nothing to listen on" in lines[-1]


def test_an_address_that_is_taken_is_named(world, server):
    http_server.serve(world, server)
    world.config_path.write_text(world.config_path.read_text().replace("http.sock", "other.sock"))
    status, lines = ends(world)
    assert status == 1 and "Address already in use" in lines[-1]


# Sockets

def test_every_address_is_listened_on(world, server):
    first, second = http_server.own_address(), http_server.own_address()
    _, http = http_server.serve(world, server, http={"listen": [first, second]})
    assert http.listening() == [f"http://{first}", f"http://{second}", f"unix:{http.socket_path}"]
    for address in (first, second):
        assert http_server.curl([*http_server.CURL, f"http://{address}/livez"]) == b"ok\n"


def test_ipv6_is_served_under_its_own_name(world, server):
    port = free_ipv6_port()
    _, http = http_server.serve(world, server, http={"listen": [f"[::1]:{port}"]})
    assert http.base == f"http://[::1]:{port}"
    assert http.ask("/livez").text() == "ok\n"
    assert http.ask("/livez", *header("Host", "[::1]")).status == 200
    assert http.ask("/livez", *header("Host", "[::2]")).status == 421
    assert http.ask("/livez", *header("Host", "::1")).status == 421


def free_ipv6_port():
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError as error:
            pytest.skip(f"no IPv6 here: {error}")
        return probe.getsockname()[1]


def test_the_unix_socket_is_open_to_all_and_gone_after_a_stop(world, server):
    _, http = http_server.serve(world, server)
    path = http.socket_path
    found = os.stat(path)
    assert stat.S_ISSOCK(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o666
    assert found.st_uid == HTTP_UID
    assert http.terminate() == 0
    assert not os.path.exists(path)
    assert http.notifications.has("STOPPING=1")


def test_a_socket_that_a_killed_server_left_is_replaced(world, server):
    _, http = http_server.serve(world, server)
    path = http.socket_path
    http.kill()
    assert os.path.exists(path)
    http = http_server.start(world).wait_ready()
    assert http.ask("/livez", unix=True).text() == "ok\n"


def test_a_second_server_takes_nobodys_socket_away(world, server):
    _, http = http_server.serve(world, server)
    text = world.config_path.read_text()
    world.config_path.write_text(text.replace(http.base.removeprefix("http://"), http_server.own_address()))
    status, lines = ends(world)
    assert status == 1 and "another server answers there" in lines[-1]
    assert http.ask("/livez", unix=True).text() == "ok\n"


def test_a_file_in_the_place_of_the_socket_is_left_alone(world):
    path = world.directory / "precious"
    path.write_text("kept")
    world.write_config({}, http=http_server.section(world, unix_socket=path))
    status, _ = ends(world)
    assert status == 1 and path.read_text() == "kept"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_with_connections_open_ends_at_once(world, server, number):
    broker, http = http_server.serve(world, server)
    watching = world.process(http.command("/v1/events", "--no-buffer"), "curl")
    wait_until(lambda: "data: " in watching.out(), what="an event")
    broker.signal(signal.SIGSTOP)
    asking = world.process(http.command(SUSPEND, "--request", "POST", unix=True), "curl")
    try:
        wait_until(lambda: sockets_of(broker.pid) > 0, what="the command at the broker")
        with http.connect() as idle, http.connect() as half:
            half.sendall(b"GET /live")
            http.signal(number)
            assert http.wait(5) == 0
            assert (idle.recv(1), half.recv(1)) == (b"", b"")
    finally:
        broker.signal(signal.SIGCONT)
    for client in (watching, asking):
        client.wait()


# Sockets that systemd hands over

LAUNCHER = """
import fcntl, os, sys
given = [int(number) for number in sys.argv[1].split(",")]
kept = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 64) for number in given]
for number in given:
    os.set_inheritable(number, False)
for place, number in enumerate(kept):
    os.dup2(number, 3 + place)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(kept)))
os.execv(sys.argv[2], sys.argv[2:])
"""


def activate(world, *sockets):
    """A server that gets sockets as systemd hands them over: from descriptor 3 on."""
    numbers = [item.fileno() for item in sockets]
    return http_server.start(world, launcher=[sys.executable, "-c", LAUNCHER, ",".join(map(str, numbers))],
                       pass_fds=numbers)


def listener(family, address):
    item = socket.socket(family)
    item.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    item.bind(address)
    item.listen()
    return item


def loopback_listener():
    host, port = http_server.own_address().split(":")
    return listener(socket.AF_INET, (host, int(port)))


def test_sockets_of_systemd_replace_the_configured_ones(world, server):
    _, first = http_server.serve(world, server)
    assert first.terminate() == 0
    path = world.directory / "given.sock"
    with loopback_listener() as tcp, listener(socket.AF_UNIX, str(path)) as unix:
        os.chmod(path, 0o666)
        http = activate(world, tcp, unix).wait_ready()
        host, port = tcp.getsockname()
        assert http.listening() == [f"http://{host}:{port}", f"unix:{path}"]
        assert http.ask("/livez").text() == http.ask("/livez", unix=True).text() == "ok\n"
        assert http.post(SUSPEND).problem(403)
        assert http.post(SUSPEND, unix=True).status == 202
        assert http.terminate() == 0
        assert path.exists(), "it is systemd's"


def test_a_tcp_socket_of_systemd_leaves_the_configured_unix_socket(world):
    world.write_config({}, http=http_server.section(world))
    with loopback_listener() as tcp:
        http = activate(world, tcp).wait_ready()
        host, port = tcp.getsockname()
        assert http.listening() == [f"http://{host}:{port}", f"unix:{world.directory}/httpd/http.sock"]


def test_a_descriptor_that_is_no_listening_socket_is_refused(world):
    world.write_config({}, http=http_server.section(world))
    with socket.socket(socket.AF_INET) as idle, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for item in (idle, udp):
            http = activate(world, item)
            assert http.wait() == 2 and "no listening stream socket" in http.err()


# An address that others reach: in a network of its own, so that nobody does

ADDRESS = "192.0.2.1"  # for documentation: RFC 5737
IN_A_NETWORK = ["unshare", "--net", "sh", "-c",
                f'ip link set lo up && ip address add {ADDRESS}/32 dev lo && exec "$@"', "sh"]


def has_network():
    return subprocess.run([*IN_A_NETWORK, "true"], capture_output=True, check=False).returncode == 0


def asked_from_outside(world, server):
    """(broker, a function that asks a server on ADDRESS with curl from within its network)."""
    path = http_server.write_access_token(world, ACCESS_TOKEN)
    launcher = [*IN_A_NETWORK, "setpriv", f"--reuid={HTTP_UID}", f"--regid={HTTP_UID}", "--clear-groups"]
    world.write_config({"default": world.token(server)}, http=http_server.section(
        world, listen=[f"{ADDRESS}:8437"], access_token_file=path, allow_cleartext=True,
        hosts=["status.example"]))
    broker = world.broker().wait_ready()
    broker.wait_token(lambda token: token["state"] == "valid")
    http = http_server.start(world, launcher=launcher, uid=0).wait_ready()
    enter = ["nsenter", f"--net=/proc/{http.pid}/ns/net"]

    def ask(path, *arguments):
        command = http.command(path, "--include", *arguments)
        return http_server.parse(http_server.curl([*enter, *command]))
    return broker, ask


@pytest.mark.needs_root
def test_an_address_that_others_reach_is_served_to_who_has_the_access_token(world, server):
    if not has_network():
        pytest.skip("no network namespace can be made here")
    broker, ask = asked_from_outside(world, server)
    assert ask("/livez").text() == "ok\n"
    assert ask("/v1/status").problem(401) and ask(SUSPEND, "--request", "POST").problem(401)
    assert ask("/v1/status", *bearer(ACCESS_TOKEN)).json()["tokens"][0]["state"] == "valid"
    assert ask("/livez", *header("Host", "status.example")).status == 200
    assert ask("/livez", *header("Host", "evil.example")).status == 421
    assert ask(SUSPEND, "--request", "POST", *bearer(ACCESS_TOKEN)).status == 202
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
