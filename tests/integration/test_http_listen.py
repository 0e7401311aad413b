# SPDX-License-Identifier: MIT
"""What tokenbroker-httpd listens on: its configuration, TCP and Unix sockets, those of systemd, addresses that
others reach."""

import os
import signal
import socket
import stat
import subprocess

import pytest

import control
import http_server
from http_server import HTTP_UID, bearer, header
from tb import STRANGER_UID, wait_until

ACCESS_TOKEN = "access-token-of-the-tests-0123456789"
SUSPEND = "/v1/tokens/default/suspend"


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
    wait_until(lambda: http.notifications.has("STOPPING=1"), what="STOPPING=1")


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
        wait_until(lambda: control.waiting() > 0, what="the command at the broker")
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

def loopback_listener():
    host, port = http_server.own_address().split(":")
    return http_server.listener(socket.AF_INET, (host, int(port)))


def test_sockets_of_systemd_replace_the_configured_ones(world, server):
    _, first = http_server.serve(world, server)
    assert first.terminate() == 0
    path = world.directory / "given.sock"
    with loopback_listener() as tcp, http_server.listener(socket.AF_UNIX, str(path)) as unix:
        os.chmod(path, 0o666)
        http = http_server.activate(world, tcp, unix).wait_ready()
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
        http = http_server.activate(world, tcp).wait_ready()
        host, port = tcp.getsockname()
        assert http.listening() == [f"http://{host}:{port}", f"unix:{world.directory}/httpd/http.sock"]


def test_a_descriptor_that_is_no_listening_socket_is_refused(world):
    world.write_config({}, http=http_server.section(world))
    with socket.socket(socket.AF_INET) as idle, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for item in (idle, udp):
            http = http_server.activate(world, item)
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
