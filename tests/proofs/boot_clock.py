# SPDX-License-Identifier: MIT
"""A broker that is killed, and started again where CLOCK_BOOTTIME is another: what a restored container, or one
with a time namespace of its own, meets. Everything runs in one time namespace, and the restart in another.

A clock that is ahead by less than the token has left, or behind by less than its age, is taken for the same one with
a wall clock that was set (segment-format.md): the token is kept, and fetched anew. Without a server it is then served
until its end by that clock: for as much too short as the clock is ahead, or too long as it is behind."""

import collections
import json

import control
from clocks import boot_clock, clock_of, set_clock
from processes import last_in_turn
from proof import reader
from tb import READER_UID, fingerprint, wait_until

HOME_S = 86400  # ahead of this machine's boot clock, as all offsets: a clock cannot begin below 0
HOUR_S = 3600
LIFETIME_S = 100
WITHIN_S = (20, 40)  # of its life
OLDER_S = 10  # a token is by so much, than a clock is behind
SLOW_S = 30  # this machine may be, from the token's coming to the look at what is left of it
NOT_USABLE = (4, 5)  # exit status of `get`: none yet, or expired


class Place:
    """A time namespace: what runs in it sees the boot clock so far ahead, and its broker finds tokens as if they
    were so much older."""

    def __init__(self, world, ahead_s, older_s=0):
        self.world = world
        self.ahead_s = ahead_s + older_s
        self.older_s = older_s

    def broker(self):
        file = self.world.directory / "clock" / "ahead"
        set_clock(file, self.older_s)
        broker = self.world.broker(uid=0, prefix=boot_clock(self.ahead_s, self.world.broker_uid),
                                   env=clock_of(self.world.build, file)).wait_ready()
        broker.wait_status(lambda status: status["pid"] == broker.pid)
        return broker

    def start(self, argv, name):
        return self.world.process([*boot_clock(self.ahead_s, READER_UID), *argv], name)

    def command(self, *arguments):
        process = self.start([self.world.build / "tokenbroker", *arguments], "tokenbroker")
        return process.wait(60), process.out().strip()

    def token(self):
        """Or None; whatever else `get` says is no answer to what is asked here."""
        status, token = self.command("get")
        assert status in (0, *NOT_USABLE), f"`get` ended with {status}"
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

    def another(self, ahead_s, older_s=0):
        """With a server: what it finds, it replaces."""
        token, place = self.leave_token(), Place(self.world, HOME_S + ahead_s, older_s)
        broker = place.broker()
        wait_until(lambda: place.token() not in (None, token), 20, "a token by this clock")
        remaining_s = place.remaining_s()
        self.kill(broker)
        return LIFETIME_S - SLOW_S < remaining_s <= LIFETIME_S

    def left_without_server(self, ahead_s, older_s=0):
        """For how long the token that is found is served by another clock; None: not at all."""
        token, place = self.leave_token(), Place(self.world, HOME_S + ahead_s, older_s)
        self.server.order(status=503, count=-1)
        broker = place.broker()
        found = place.token()
        remaining_s = None if found is None else place.remaining_s()
        self.server.clear_orders()
        self.kill(broker)
        assert found in (None, token)
        return remaining_s

    def try_all(self, name, clocks, is_right):
        """clocks: (ahead_s, older_s). is_right(left_s, ahead_s, older_s): as what is found fares without a server."""
        for ahead_s, older_s in clocks:
            self.count[name, "anew"] += self.another(ahead_s, older_s)
            self.count[name, "right"] += is_right(self.left_without_server(ahead_s, older_s), ahead_s, older_s)


def is_not_served(left_s, *_):
    return left_s is None


def is_served_by_the_clock(left_s, ahead_s, older_s):
    """By no more than the clock is off: too short if it is ahead, too long if it is behind."""
    most_s = LIFETIME_S - older_s - ahead_s
    return left_s is not None and most_s - SLOW_S < left_s <= most_s <= LIFETIME_S


CLOCKS = {  # and how the old token fares without a server
    "an hour ahead or behind": ([(HOUR_S, 0), (-HOUR_S, 0)], "was not served", is_not_served),
    "ahead by less than it has left": (
        [(by_s, 0) for by_s in WITHIN_S], "was served for as much too short", is_served_by_the_clock),
    "behind by more than its age": ([(-by_s, 0) for by_s in WITHIN_S], "was not served", is_not_served),
    "behind by less than its age": (
        [(-by_s, by_s + OLDER_S) for by_s in WITHIN_S], "was served for as much too long at most", is_served_by_the_clock),
}


def another(case, world, rounds):
    world.make_directory("clock", 0o755)
    run = Rounds(world)
    verifier = last_in_turn(run.home.start(reader(world), "reader"))
    for _ in range(rounds):
        run.same()
        for name, (clocks, _, is_right) in CLOCKS.items():
            run.try_all(name, clocks, is_right)
    count = run.count
    case.each("SIGKILLs", count["kills"], rounds * (2 + 4 * sum(len(clocks) for clocks, *_ in CLOCKS.values())))
    case.each("  next by the same clock: kept the token, asked for none", count["kept"], rounds)
    for name, (clocks, without_server, _) in CLOCKS.items():
        case.each(f"  next by a clock {name}: fetched anew", count[name, "anew"], len(clocks) * rounds)
        case.each(f"    and no server: the old token {without_server}", count[name, "right"], len(clocks) * rounds)
    verifier.terminate(30)
    told = json.loads(verifier.out())
    case.row("verified reads", told["reads"], told["reads"] > 0)
    case.none("torn tokens, generations that went back", told["torn"] + told["generation_went_back"])
