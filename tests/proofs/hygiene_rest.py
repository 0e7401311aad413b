# SPDX-License-Identifier: MIT
"""What is left in the broker's memory 1 s after a request."""

import re
import time

from memory import forms, mappings
from tb import wait_until

SECRET = "CanarySecret/+&=%07f1c2-not-to-be-found"
CANARY = b"CanaryToken4c1d"
TOKEN = re.compile(re.escape(CANARY) + rb"[0-9A-Za-z._~+/-]*")
SLOTS = 4
AFTER_S = 1
RETRY_S = 4  # so that memory is read before the next try

# How the client authenticates: keys of the token, and what the server asks for.
METHODS = {
    "post": ({}, "any"),
    "basic": ({"generic": True, "client_auth": "basic"}, "basic"),
    "basic_raw": ({"generic": True, "client_auth": "basic_raw"}, "basic_raw"),
}


def marked(world, method="post", scheme="http", **keys):
    """(server, broker): secret and tokens are marked."""
    method_keys, auth = METHODS[method]
    tls = world.tls() if scheme == "https" else None
    server = world.auth_server(tls=tls)
    server.settings(canary=CANARY.decode(), expires_in=3600)
    server.set_client(client_secret=SECRET, auth=auth)
    world.write_secret(secret=SECRET)
    if tls is not None:
        keys |= {"ca_file": tls.ca, "allow_http": None}
    keys = {"retry_min": 1, **method_keys, **keys}
    world.write_config({"default": world.token(server, **keys)}, log_level="debug")
    broker = world.broker().wait_ready()
    broker.wait_token(lambda token: token["state"] == "valid")
    return server, broker


def published(world):
    """The token that readers get, as bytes."""
    return world.segment().current().token


class Scan:
    """How often the secret and tokens stand in all the memory of a process, and where."""

    def __init__(self, pid, current):
        self.secrets, self.current_locked, self.current_ring = 0, 0, 0
        self.replaced_ring, self.elsewhere, self.places = 0, 0, set()
        for mapping in mappings(pid):
            self._look(mapping, current)

    def _look(self, mapping, current):
        secrets = sum(mapping.data.count(form.encode()) for form in forms(SECRET))
        self.secrets += secrets
        if secrets:
            self.places.add(f"secret in {mapping.name}")
        for token in TOKEN.findall(mapping.data):
            if mapping.is_segment():
                self.current_ring += token == current
                self.replaced_ring += token != current
            elif token == current and {"lo", "dd"} <= mapping.flags:
                self.current_locked += 1
            else:
                self.elsewhere += 1
                self.places.add(f"{'current' if token == current else 'old'} token in {mapping.name}")


def refresh(world, broker):
    before = broker.token_status()["generation"]
    wait_until(lambda: world.cli("refresh", "default").status == 0, 20, "a refresh")
    broker.wait_token(lambda token: token["generation"] > before)


def _named(what, scans):
    places = sorted(set().union(*(scan.places for scan in scans)))
    return what + "".join(f" [{place}]" for place in places)


def refreshes(method, scheme):
    """A proof of refreshes that authenticate so, over that."""
    def prove(case, world, count):
        _, broker = marked(world, method, scheme)
        scans = []
        for _ in range(count):
            refresh(world, broker)
            time.sleep(AFTER_S)
            scans.append(Scan(broker.pid, published(world)))
        case.each("refreshes, the memory read 1 s after each", len(scans), count)
        case.none(_named("  copies of the secret, in five forms", scans), sum(scan.secrets for scan in scans))
        case.each("  the current token in locked memory that is not dumped: one",
                  sum(scan.current_locked for scan in scans), count)
        case.row("  in the ring that readers read, at most", max(scan.current_ring for scan in scans),
                 all(1 <= scan.current_ring <= SLOTS for scan in scans))
        case.at_most("  replaced ones in its other slots, at most", max(scan.replaced_ring for scan in scans),
                     SLOTS - 1)
        case.none("  tokens anywhere else", sum(scan.elsewhere for scan in scans))
        case.each("the broker ended well", int(broker.stop() == 0), 1)
    return prove


def _left_of(broker, token):
    return sum(mapping.data.count(token) for mapping in mappings(broker.pid))


def revocations(case, world, count):
    """An administrator's revoke: the old token is wiped everywhere."""
    _, broker = marked(world)
    left = 0
    for _ in range(count):
        token = published(world)
        assert _left_of(broker, token) > 0, "the scan finds what is there"
        wait_until(lambda: world.cli("revoke", "default").status == 0, 20, "a revocation")
        broker.wait_token(lambda status: not status["pending_revocations"])
        time.sleep(AFTER_S)
        left += _left_of(broker, token)
    case.each("tokens that an administrator revoked", broker.token_status()["counters"]["revocations"]["ok"], count)
    case.none("  copies of them 1 s later, anywhere", left)
    case.each("the broker ended well", int(broker.stop() == 0), 1)


def revoked_as_replaced(case, world, count):
    """revoke_replaced_after = 0: each refresh revokes the token before."""
    _, broker = marked(world, revoke_replaced_after=0)
    left = 0
    for number in range(count):
        token = published(world)
        refresh(world, broker)
        broker.wait_token(lambda status, number=number: status["counters"]["revocations"]["ok"] > number)
        time.sleep(AFTER_S)
        left += _left_of(broker, token)
    case.each("tokens revoked because they were replaced", broker.token_status()["counters"]["revocations"]["ok"],
              count)
    case.none("  copies of them 1 s later, anywhere", left)
    case.each("the broker ended well", int(broker.stop() == 0), 1)


def suspensions(case, world, count):
    _, broker = marked(world)
    left = 0
    for _ in range(count):
        assert world.cli("suspend", "default").status == 0
        broker.wait_token(lambda status: not status["pending_revocations"])
        time.sleep(AFTER_S)
        left += _left_of(broker, CANARY)
        assert world.cli("resume", "default").status == 0
    case.each("suspensions", broker.token_status()["counters"]["revocations"]["ok"], count)
    case.none("  copies of any token 1 s later, anywhere", left)
    case.each("the broker ended well", int(broker.stop() == 0), 1)


ODD = ({"odd": "html"}, {"odd": "not_json"}, {"odd": "token_with_newline"}, {"echo_secret": True, "status": 401},
       {"status": 503}, {"fault": "reset"}, {"fault": "half"})


def failures(case, world, count):
    """Answers that are none, also such that repeat the secret, and connections that break."""
    server, broker = marked(world, retry_min=RETRY_S)
    scans, failed = [], 0
    for _ in range(count):
        for order in ODD:
            server.order("token", **order)
            before = broker.token_status()["counters"]["fetches"]["failed"]
            wait_until(lambda: world.cli("refresh", "default", "--wait", "0").status == 0, 20, "a refresh")
            broker.wait_token(lambda token, before=before: token["counters"]["fetches"]["failed"] > before)
            failed += 1
            server.clear_orders()
            time.sleep(AFTER_S)
            scans.append(Scan(broker.pid, published(world)))
    case.each("requests that failed, of seven kinds", failed, count * len(ODD))
    case.none(_named("  copies of the secret 1 s later, in five forms", scans), sum(scan.secrets for scan in scans))
    case.none(_named("  tokens outside locked memory and the ring", scans), sum(scan.elsewhere for scan in scans))
    case.each("the broker ended well", int(broker.stop() == 0), 1)
