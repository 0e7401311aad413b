# SPDX-License-Identifier: MIT
"""The way to the token server: certificates, redirects, proxies. Nothing is sent to whom it is not for."""

import os
import select
import socket
import threading
from urllib.parse import urlsplit

import pytest

from tb import CLIENT_SECRET, wait_until


class Proxy:
    """A small HTTP proxy on loopback: CONNECT and absolute URLs, one thread a connection."""

    def __init__(self):
        self.heads = []  # of each request, as the proxy saw it
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def first_lines(self):
        return [head.split("\r\n")[0] for head in list(self.heads)]

    def close(self):
        """Once it returns nobody can connect any more; may be called twice."""
        if self._listener.fileno() < 0:
            return
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._thread.join(5)
        self._listener.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_one, args=(connection,), daemon=True).start()

    def _serve_one(self, connection):
        with connection:
            connection.settimeout(10)
            data = b""
            while b"\r\n\r\n" not in data:
                piece = connection.recv(65536)
                if not piece:
                    return
                data += piece
            head, _, rest = data.partition(b"\r\n\r\n")
            self.heads.append(head.decode())
            method, target, _ = head.decode().split("\r\n")[0].split(" ")
            if method == "CONNECT":
                host, _, port = target.rpartition(":")
                with socket.create_connection((host, int(port)), 10) as server:
                    connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    self._pump(connection, server, rest)
                return
            parts = urlsplit(target)
            first = f"{method} {parts.path} HTTP/1.1".encode()
            with socket.create_connection((parts.hostname, parts.port), 10) as server:
                self._pump(connection, server,
                           first + b"\r\n" + head.partition(b"\r\n")[2] + b"\r\n\r\n" + rest)

    @staticmethod
    def _pump(client, server, first):
        server.sendall(first)
        while True:
            for readable in select.select([client, server], [], [], 10)[0]:
                data = readable.recv(65536)
                if not data:
                    return
                (server if readable is client else client).sendall(data)


@pytest.fixture
def proxy():
    proxy = Proxy()
    yield proxy
    proxy.close()


@pytest.fixture
def trap():
    """A proxy that the environment names and nobody may use."""
    trap = Proxy()
    yield trap
    trap.close()


def environment_of(trap):
    names = ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
    return {**{name: trap.url for name in names}, "no_proxy": "", "NO_PROXY": ""}


def start(world, server, env=None, **keys):
    world.write_config({"default": world.token(server, **keys)})
    return world.broker(env=env).wait_ready()


def failure_of(broker, reason):
    token = broker.wait_token(lambda token: token["last_error"] is not None)
    assert token["state"] == "pending"
    assert token["last_error"]["reason"] == reason
    return token["last_error"]


def is_valid(token):
    return token["state"] == "valid"


def test_a_server_of_an_authority_of_ones_own_is_trusted_by_ca_file(world, cli):
    tls = world.tls()
    server = world.auth_server(tls=tls)
    assert server.token_url.startswith("https://")
    start(world, server, ca_file=tls.ca, allow_http=None).wait_token(is_valid)
    assert cli("get", uid=world.reader_uid).status == 0
    assert server.requests() == 1


# P16 of docs/threat-model.md begins here: certificate, host name, redirects, cleartext, proxies of the environment.
def test_an_unknown_authority_is_refused_before_anything_is_sent(world):
    server = world.auth_server(tls=world.tls())
    error = failure_of(start(world, server, allow_http=None), "tls")
    assert "ca_file" in error["hint"]
    assert server.requests() == 0


def test_a_certificate_of_another_host_is_refused_before_anything_is_sent(world):
    tls = world.tls(names="DNS:elsewhere.example")
    server = world.auth_server(tls=tls)
    error = failure_of(start(world, server, ca_file=tls.ca, allow_http=None), "tls")
    assert error["hint"]
    assert server.requests() == 0


def test_a_ca_file_that_is_not_there_is_a_tls_failure(world):
    server = world.auth_server(tls=world.tls())
    failure_of(start(world, server, ca_file=world.directory / "no-such-ca.pem", allow_http=None), "tls")
    assert server.requests() == 0


def test_a_fifo_as_ca_file_holds_nothing_up(world, cli):
    """Not the start, and not a broker that has a token: nobody ever writes into it."""
    tls = world.tls()
    server = world.auth_server(tls=tls)
    good, fifo = world.directory / "good.pem", world.directory / "fifo.pem"
    good.write_bytes(tls.ca.read_bytes())
    os.mkfifo(fifo, 0o666)
    fifo.replace(tls.ca)
    broker = start(world, server, ca_file=tls.ca, allow_http=None)
    assert f"{tls.ca} is not a regular file" in failure_of(broker, "tls")["message"]
    good.replace(tls.ca)
    broker.wait_token(is_valid)
    tls.ca.unlink()
    os.mkfifo(tls.ca, 0o666)
    wait_until(lambda: cli("refresh", "default", "--wait", "0").status == 0, 10, "a refresh")
    token = broker.wait_token(lambda token: token["last_error"] is not None)
    assert token["last_error"]["reason"] == "tls" and token["state"] == "valid"
    assert broker.stop() == 0


def test_a_replaced_ca_file_holds_from_the_next_request_on(world, cli):
    """And when it is a bad one the good token stays."""
    tls = world.tls()
    server = world.auth_server(tls=tls)
    broker = start(world, server, ca_file=tls.ca, allow_http=None)
    broker.wait_token(is_valid)
    good = tls.ca.read_text()
    tls.ca.write_text("this is no certificate\n")
    wait_until(lambda: cli("refresh", "default", "--wait", "0").status == 0, 10, "a refresh")
    token = broker.wait_token(lambda token: token["last_error"] is not None)
    assert token["last_error"]["reason"] == "tls" and token["state"] == "valid"
    assert cli("get", uid=world.reader_uid).status == 0
    tls.ca.write_text(good)
    broker.wait_token(lambda token: token["counters"]["fetches"]["ok"] == 2)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_named_and_not_followed(world, server, status):
    target = server.generic_token_url
    server.order("token", status=status, count=-1,
                 headers={"Location": f"{target}?session=not-to-be-shown"})
    broker = start(world, server)
    error = failure_of(broker, "http")
    assert error["http_status"] == status
    assert target in error["message"] and "not followed" in error["message"]
    assert "Redirects are not followed" in error["hint"]
    assert "not-to-be-shown" not in error["message"] + broker.err()
    assert server.requests() == 1
    assert server.last()["path"] == urlsplit(server.token_url).path


@pytest.mark.parametrize("url, allow_http, reason", [
    ("http://token.example/oauth2/token", True, "http:// is for loopback alone"),
    ("http://127.0.0.1:1/oauth2/token", None, "set allow_http = true"),
])
def test_cleartext_is_refused_by_the_configuration(world, server, url, allow_http, reason):
    world.write_config({"default": world.token(server, token_url=url, revoke_url=None,
                                               allow_http=allow_http)})
    broker = world.broker()
    assert broker.wait() == 2
    assert "token_url" in broker.err() and reason in broker.err()


def test_https_goes_through_the_configured_proxy_which_sees_only_the_address(world, cli, proxy, trap):
    tls = world.tls()
    server = world.auth_server(tls=tls)
    start(world, server, environment_of(trap), ca_file=tls.ca, allow_http=None,
          proxy=proxy.url).wait_token(is_valid)
    assert proxy.first_lines() == [f"CONNECT 127.0.0.1:{server.port} HTTP/1.1"]
    wait_until(lambda: cli("revoke", "default").status == 0, 10, "a revocation")
    server.wait_requests(1, "revoke")
    lines = proxy.first_lines()
    assert len(lines) == server.requests() + server.requests("revoke") and len(set(lines)) == 1
    assert not any(CLIENT_SECRET in head or "uthorization" in head for head in proxy.heads)
    assert trap.heads == []


def test_http_goes_through_the_configured_proxy(world, server, proxy, trap):
    start(world, server, environment_of(trap), proxy=proxy.url).wait_token(is_valid)
    assert proxy.first_lines() == [f"POST {server.token_url} HTTP/1.1"]
    assert trap.heads == []


def test_exceptions_in_the_environment_do_not_lead_around_the_proxy(world, server, proxy):
    everything = {"no_proxy": "*", "NO_PROXY": "*"}
    start(world, server, everything, proxy=proxy.url).wait_token(is_valid)
    assert len(proxy.heads) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_of_the_environment_is_never_used(world, trap, scheme):
    tls = world.tls() if scheme == "https" else None
    server = world.auth_server(tls=tls)
    keys = {"ca_file": tls.ca, "allow_http": None} if tls else {}
    start(world, server, environment_of(trap), **keys).wait_token(is_valid)
    assert server.requests() == 1
    assert trap.heads == []


def test_a_dead_proxy_is_a_failure_and_not_gone_around(world, server, proxy):
    proxy.close()
    error = failure_of(start(world, server, proxy=proxy.url), "network")
    assert "proxy" in error["hint"]
    assert server.requests() == 0
