# SPDX-License-Identifier: MIT
"""A broker that is killed, and started again where CLOCK_BOOTTIME is another: what a restored container, or one
with a time namespace of its own, meets. Everything runs in one time namespace, and the restart in another."""

import collections
import json

import control
from clocks import boot_clock
from tb import READER_UID, fingerprint, wait_until

HOME_S = 86400  # ahead of this machine's boot clock, as all offsets: a clock cannot begin below 0
HOUR_S = 3600
LIFETIME_S = 100


class Place:
    """A time namespace: what runs in it sees the boot clock so far ahead."""

    def __init__(self, world, ahead_s):
        self.world = world
        self.ahead_s = ahead_s

    def broker(self):
        broker = self.world.broker(uid=0, prefix=boot_clock(self.ahead_s, self.world.broker_uid)).wait_ready()
        broker.wait_status(lambda status: status["pid"] == broker.pid)
        return broker

    def start(self, argv, name):
        return self.world.process([*boot_clock(self.ahead_s, READER_UID), *argv], name)

    def command(self, *arguments):
        process = self.start([self.world.build / "tokenbroker", *arguments], "tokenbroker")
        return process.wait(), process.out().strip()

    def token(self):
        status, token = self.command("get")
        return fingerprint(token) if status == 0 else None

    def remaining_s(self):
        status, text = self.command("info", "--json")
        return json.loads(text)["remaining_ms"] / 1000 if status == 0 else None


class Rounds:
    def __init__(self, world):
        self.world = world
        self.server = world.auth_server()
        self.server.settings(expires_in=LIFETIME_S)
        # Fetched anew only where the clock says so.
        world.write_config({"default": world.token(self.server, refresh_percent=99, refresh_jitter_percent=0)})
        self.home = Place(world, HOME_S)
        self.count = collections.Counter()

    def kill(self, broker):
        self.count["kills"] += broker.kill() == -9
        broker.end()

    def leave_token(self):
        """At home, by a broker that is dead then."""
        broker = self.home.broker()
        before = self.home.token()
        wait_until(lambda: self.world.control(control.REFRESH).result == "accepted", 20, "a refresh")
        wait_until(lambda: self.home.token() != before, 20, "a token")
        self.kill(broker)
        return self.home.token()

    def same(self):
        token, requests = self.leave_token(), self.server.requests()
        broker = self.home.broker()
        self.count["kept"] += self.home.token() == token and self.server.requests() == requests
        self.kill(broker)

    def another(self, ahead_s):
        token, place = self.leave_token(), Place(self.world, HOME_S + ahead_s)
        broker = place.broker()
        wait_until(lambda: place.token() not in (None, token), 20, "a token by this clock")
        self.count["anew"] += 1
        remaining_s = place.remaining_s()
        self.count["true"] += LIFETIME_S - 30 < remaining_s <= LIFETIME_S
        self.kill(broker)

    def another_without_server(self, ahead_s):
        """What is left has an expiry that means nothing here: it must not be served by it."""
        token, place = self.leave_token(), Place(self.world, HOME_S + ahead_s)
        self.server.order(status=503, count=-1)
        broker = place.broker()
        self.count["not served"] += place.token() != token
        self.server.clear_orders()
        self.kill(broker)


def another(case, world, rounds):
    run = Rounds(world)
    reader = run.home.start(["nice", "-n", "19", world.build / "tests/support/verify_reader", "86400"], "reader")
    for _ in range(rounds):
        run.same()
        for ahead_s in (HOUR_S, -HOUR_S):
            run.another(ahead_s)
            run.another_without_server(ahead_s)
    count = run.count
    case.each("SIGKILLs", count["kills"], 10 * rounds)
    case.each("  next by the same clock: kept the token, asked for none", count["kept"], rounds)
    case.each("  next by a clock an hour ahead or behind: fetched anew", count["anew"], 2 * rounds)
    case.each("    with the right time left", count["true"], 2 * rounds)
    case.each("    and no server: the old token was not served", count["not served"], 2 * rounds)
    reader.terminate(30)
    told = json.loads(reader.out())
    case.row("verified reads", told["reads"], told["reads"] > 0)
    case.none("torn tokens, generations that went back", told["torn"] + told["generation_went_back"])
