# SPDX-License-Identifier: MIT
"""Against a token server that somebody else wrote: glewlwyd, from Debian's packages."""

import json
import socket
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tb import fingerprint, wait_until

RUNNER = Path(__file__).with_name("glewlwyd.sh")
CANNOT_BE_HAD = 77

POST = {"client_id": "by-post", "secret": "secret-by-post", "client_auth": "post"}
# Decoded or not makes a difference for each of these characters.
BASIC = {"client_id": "by-basic", "secret": "s+r%t&=?/~*", "client_auth": "basic_raw"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Glewlwyd:
    def __init__(self, world, cache):
        state = world.directory / "glewlwyd"
        state.mkdir()
        self._process = world.process([RUNNER, cache, state, str(free_port())], "glewlwyd",
                                      env={"PYTHON": sys.executable})
        # The first run downloads some 5 MB.
        ready = wait_until(self._ready_line, 180, "READY of glewlwyd")
        urls = json.loads(ready.removeprefix("READY "))
        self.token_url, self.revoke_url = urls["token"], urls["revoke"]
        self._introspect_url = urls["introspect"]
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def _ready_line(self):
        if not self._process.is_running():
            if self._process.wait() == CANNOT_BE_HAD:
                pytest.skip(self._process.err().strip())
            raise AssertionError(f"glewlwyd did not start: {self._process.err()}")
        return next((line for line in self._process.out().splitlines(True)
                     if line.startswith("READY ") and line.endswith("\n")), None)

    def _post(self, url, fields):
        with self._opener.open(url, urlencode(fields).encode(), timeout=10) as answer:
            return json.load(answer)

    def is_active(self, token):
        """Asked as the client of POST."""
        return self._post(self._introspect_url, {
            "token": token, "client_id": POST["client_id"], "client_secret": POST["secret"]})["active"]

    def fetch(self):
        """A token by plain HTTP, without the product."""
        return self._post(self.token_url, {
            "grant_type": "client_credentials", "client_id": POST["client_id"],
            "client_secret": POST["secret"], "scope": "read:profiles"})["access_token"]


@pytest.fixture
def glewlwyd(world, built):
    return Glewlwyd(world, built / "glewlwyd")


def start_broker(world, glewlwyd, client, secret=None):
    world.write_secret(secret=secret or client["secret"])
    world.write_config({"default": world.token(
        glewlwyd, client_id=client["client_id"], client_auth=client["client_auth"],
        scope="read:profiles")})
    return world.broker().wait_ready()


def read_token(world):
    result = world.cli("get", uid=world.reader_uid)
    assert result.status == 0, result
    return result.out.removesuffix("\n")


def test_the_server_itself_gives_out_tokens_that_are_active(glewlwyd):
    token = glewlwyd.fetch()
    assert glewlwyd.is_active(token)
    assert not glewlwyd.is_active(token[:-1])


@pytest.mark.parametrize("client", [POST, BASIC], ids=lambda client: client["client_auth"])
def test_a_token_is_fetched_and_is_active_until_it_is_revoked(world, glewlwyd, client):
    broker = start_broker(world, glewlwyd, client)
    broker.wait_token(lambda token: token["state"] == "valid")
    first = read_token(world)
    assert glewlwyd.is_active(first)
    assert broker.token_status()["fingerprint"] == fingerprint(first)

    result = world.cli("revoke", "default", uid=world.broker_uid)
    assert result.status == 0, result
    wait_until(lambda: not glewlwyd.is_active(first), what="the end of the first token")
    second = read_token(world)
    assert fingerprint(second) != fingerprint(first)
    assert glewlwyd.is_active(second)


def test_a_wrong_secret_is_shown_and_heals_when_it_is_put_right(world, glewlwyd):
    broker = start_broker(world, glewlwyd, POST, secret="a wrong one")
    token = broker.wait_token(lambda token: token["last_error"] is not None)
    # It answers 403 with an empty body: no OAuth error code to show.
    assert (token["state"], token["last_error"]["reason"]) == ("pending", "http")
    assert token["last_error"]["http_status"] == 403

    world.write_secret(secret=POST["secret"])
    # Two requests are retry_min apart: too soon at first.
    wait_until(lambda: world.cli("refresh", "default", uid=world.broker_uid).status == 0, 10,
               "a refresh")
    assert glewlwyd.is_active(read_token(world))
