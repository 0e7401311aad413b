# SPDX-License-Identifier: MIT
"""What is left in the broker's memory 1 s after a request."""

import collections
import re
import time

from memory import forms, mappings, pieces, token_pieces
from tb import wait_until

SECRET = "CanarySecret/+&=%07f1c2-not-to-be-found"
CANARY = b"CanaryToken4c1d"
TOKEN = re.compile(CANARY + rb"[0-9A-Za-z]+?" + CANARY + rb"\.[0-9a-f]{16}")
SECRET_PIECES = [piece.encode() for piece in pieces(*forms(SECRET))]
SLOTS = 4
AFTER_S = 1
KNOWN = 8  # tokens of before that are looked for by all that they had
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


def _count(data, texts):
    return sum(data.count(text) for text in texts)


class Scan:
    """How often pieces of the secret and tokens stand in all the memory of a process, and where. known: tokens of
    before; what is left of one shows by either of its canaries, and of these by what else it had, too."""

    def __init__(self, pid, current, known=()):
        self.secrets, self.current_locked, self.current_ring = 0, 0, 0
        self.replaced_ring, self.elsewhere, self.remains, self.places = 0, 0, 0, set()
        marks = [CANARY, *(piece for token in {current, *known} for piece in token_pieces(token))]
        for mapping in mappings(pid):
            self._look(mapping, current)
            remains = _count(TOKEN.sub(b"", mapping.data), marks)
            self.remains += remains
            if remains:
                self.places.add(f"a piece of a token in {mapping.name}")

    def _look(self, mapping, current):
        secrets = _count(mapping.data, SECRET_PIECES)
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


def scan_settled(world, broker, known=()):
    """A scan during which the token stayed the same: on a busy machine the next try may come before it has ended."""
    while True:
        current = published(world)
        scan = Scan(broker.pid, current, known)
        if published(world) == current:
            return scan
        time.sleep(AFTER_S)


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
        scans, known = [], [published(world)]
        for _ in range(count):
            refresh(world, broker)
            time.sleep(AFTER_S)
            scans.append(scan_settled(world, broker, known[-KNOWN:]))
            known.append(published(world))
        case.each("refreshes, the memory read 1 s after each", len(scans), count)
        case.none(_named("  pieces of the secret, in six forms", scans), sum(scan.secrets for scan in scans))
        case.each("  the current token in locked memory that is not dumped: one",
                  sum(scan.current_locked for scan in scans), count)
        case.row("  in the ring that readers read, at most", max(scan.current_ring for scan in scans),
                 all(1 <= scan.current_ring <= SLOTS for scan in scans))
        case.at_most("  replaced ones in its other slots, at most", max(scan.replaced_ring for scan in scans),
                     SLOTS - 1)
        case.none("  tokens anywhere else", sum(scan.elsewhere for scan in scans))
        case.none("  pieces of tokens anywhere", sum(scan.remains for scan in scans))
        case.each("the broker ended well", int(broker.stop() == 0), 1)
    return prove


def _left_of(broker, token):
    """Pieces of it; a whole one has two."""
    return sum(_count(mapping.data, token_pieces(token)) for mapping in mappings(broker.pid))


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
    case.none("  pieces of them 1 s later, anywhere", left)
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
    case.none("  pieces of them 1 s later, anywhere", left)
    case.each("the broker ended well", int(broker.stop() == 0), 1)


def suspensions(case, world, count):
    _, broker = marked(world)
    left = 0
    for _ in range(count):
        token = published(world)
        assert world.cli("suspend", "default").status == 0
        broker.wait_token(lambda status: not status["pending_revocations"])
        time.sleep(AFTER_S)
        left += _left_of(broker, token) + sum(mapping.data.count(CANARY) for mapping in mappings(broker.pid))
        assert world.cli("resume", "default").status == 0
    case.each("suspensions", broker.token_status()["counters"]["revocations"]["ok"], count)
    case.none("  pieces of any token 1 s later, anywhere", left)
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
            scans.append(scan_settled(world, broker))
    case.each("requests that failed, of seven kinds", failed, count * len(ODD))
    case.none(_named("  pieces of the secret 1 s later, in six forms", scans), sum(scan.secrets for scan in scans))
    case.none(_named("  tokens outside locked memory and the ring, and pieces of one", scans),
              sum(scan.elsewhere + scan.remains for scan in scans))
    case.each("the broker ended well", int(broker.stop() == 0), 1)


TEST_TOKEN = CANARY + b"0123456789abcdefG" + CANARY + b".fedcba9876543210"


def leave_in_heap(world, how, *texts):
    """A process that gave back blocks of the heap with these in them (how: freed, or wiped before)."""
    path = world.directory / "texts"
    path.write_text("\n".join(texts), encoding="ascii")
    process = world.process([world.build / "tests/support/leftover", how, path], "leftover")
    wait_until(lambda: "ready" in process.err(), 10, "the blocks given back")
    path.unlink()
    return process


def the_scan(case, world, count):
    """What the other parts rest on: a block that was freed as it was, and has lost its first 16 bytes, is seen."""
    seen = collections.Counter()
    for _ in range(count):
        for text in (*forms(SECRET), TEST_TOKEN.decode()):
            process = leave_in_heap(world, "freed", text)
            scan = Scan(process.pid, TEST_TOKEN)
            seen["whole"] += sum(mapping.data.count(text.encode()) for mapping in mappings(process.pid))
            seen["secret"] += scan.secrets > 0
            seen["token"] += scan.remains > 0 and _left_of(process, TEST_TOKEN) > 0
            process.kill()
        process = leave_in_heap(world, "wiped", *forms(SECRET), TEST_TOKEN.decode())
        scan = Scan(process.pid, TEST_TOKEN)
        seen["wiped"] += scan.secrets + scan.elsewhere + scan.remains
        process.kill()
    case.each("a freed block with the secret in one of six forms, not wiped, is found", seen["secret"],
              len(list(forms(SECRET))) * count)
    case.each("  one with a token", seen["token"], count)
    case.none("  whole copies in them", seen["whole"])
    case.none("  found in blocks that were wiped", seen["wiped"])
