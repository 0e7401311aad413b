# SPDX-License-Identifier: MIT
"""How early requests of one token may come: what of oauth.md's "When to fetch" is certain from outside."""

import collections
import time

from chaos_faults import CONNECT_TIMEOUT_S, REQUEST_TIMEOUT_S, RETRY_MIN_S, backoff_s, pause_s

LATE_S = CONNECT_TIMEOUT_S / 2
STATUS_LATE_S = 1  # a failure is seen in the status document that long after it, at the latest
ASIDE_S = 6  # a command that came so long before may still lead to a request
REPEATED_S = 12  # how long a resolver may ask on for a request that has ended
LATEST = 30
UNSEEN = {"refuse": "while refused", "full": "while nobody accepts", "unknown": "while the name is unknown",
          "failing": "while the name server fails", "empty": "while the name has no address",
          "silent": "while the name server is silent", "too slow": "while the name server is too slow"}
TIMES_OUT = ("full", "silent", "too slow")
QUESTIONS = {"unknown": 2, "empty": 2, "failing": 8, "silent": 4, "too slow": 2}  # of one request: two addresses, asked for again


class Rate:
    """Failures in a row, as few as there must have been, and the least from one request's begin to the next."""

    def __init__(self):
        self.failures = 0
        self.restless_until = 0  # the first request after it need not wait for a backoff
        self.forgotten_at = 0  # what failed before is not known to the broker any more
        self._overtaken = collections.deque(maxlen=LATEST)  # (from, until): a request on its way then may not count

    def unrest(self, for_s):
        self.restless_until = max(self.restless_until, time.monotonic() + for_s)

    def overtaken(self, since, for_s=0):
        self._overtaken.append((since, time.monotonic() + for_s))

    def forget(self, for_s=0):
        self.forgotten_at = time.monotonic() + for_s

    def is_overtaken(self, since, until):
        return any(begin <= until and since <= end for begin, end in self._overtaken)

    def least_s(self, former, former_began_at, lag_s):
        """(from the begin of former to the next one's, whether a pause was due)"""
        is_doubtful = self.is_overtaken(former_began_at, former.at + REQUEST_TIMEOUT_S + lag_s)
        if former.is_good or former_began_at < self.forgotten_at:
            self.failures = 0
            return RETRY_MIN_S, False
        if is_doubtful:
            return RETRY_MIN_S, False
        self.failures += 1
        # A server too late to be heard is another fault, which passes.
        was_heard = former.hit_at is not None and former.hit_at - former.at < LATE_S
        least_s = max(RETRY_MIN_S, former.fault.retry_after_s if was_heard else 0)
        if former_began_at < self.restless_until:
            return least_s, former.fault.retry_after_s > 0 and was_heard
        return max(least_s, pause_s(former.fault, self.failures) if was_heard else backoff_s(self.failures)), True


class Unseen:
    """Failures of which no connection tells: where all of them are counted in the status, and seen there."""

    def __init__(self, how, rate, failed, names, hostname, failures=0, before=None):
        """failures: in a row, up to the one that was just seen, after which no command was given. before: what was
        watched up to now, while the same was wrong."""
        self.how = how
        self.judged = 0
        self._rate = rate
        self._began_at = time.monotonic()
        self._names, self._hostname = names, hostname
        self._asked_since = before._asked_since if before else self._began_at
        self._is_repeated = before._is_repeated if before else names.asked(hostname, self._began_at - REPEATED_S) > 0
        self._is_told = False
        self._failed = failed
        self._failures = failures
        self._first = (self._began_at, failed) if failures > 0 else None  # (when it was seen, how many there were)

    def _least_s(self, failures, former=1):
        """What so many take after as many that were before."""
        lasts_s = CONNECT_TIMEOUT_S if self.how in TIMES_OUT else 0
        return sum(backoff_s(former + number) for number in range(failures)) + lasts_s * max(failures - 1, 0)

    def _commands(self, since):
        return int(self._rate.restless_until > since)

    def is_certain(self):
        return (not self._rate.is_overtaken(self._began_at - ASIDE_S, time.monotonic())
                and self._rate.forgotten_at < self._began_at)

    def look(self, failed, lag_s):
        """What is wrong with the rate, or None. failed: of the status document, at each look."""
        now = time.monotonic()
        commands = self._commands(self._began_at - (ASIDE_S if self._failures == 0 else 0))
        if self._is_told or not self.is_certain() or failed <= self._failed:
            return None
        grown, self._failed = failed - self._failed, failed
        if self._first is None:
            # One that was on its way may be among the first, or one of another fault that is told late.
            self._first = (now, failed)
            grown = max(grown - 2 - commands, 0)
            more, span_s = grown, STATUS_LATE_S
        else:
            more, span_s = failed - self._first[1] - commands, now - self._first[0] + STATUS_LATE_S
        self.judged += grown
        least_s = self._least_s(more, max(self._failures, 1))
        self._is_told = least_s > span_s + lag_s
        return f"{more} failures {UNSEEN[self.how]} within {span_s:.1f} s, which take {least_s} s" if self._is_told else None

    def questions(self, lag_s):
        """(how many the name server had, how many it may have had), or None."""
        if self.how not in QUESTIONS or self._is_repeated or not self.is_certain():
            return None
        span_s, requests = time.monotonic() - self._asked_since + lag_s, 0
        while self._least_s(requests + 1) <= span_s:
            requests += 1
        asked = self._names.asked(self._hostname, self._asked_since)
        return asked, QUESTIONS[self.how] * (requests + 1 + self._commands(self._asked_since - ASIDE_S))
