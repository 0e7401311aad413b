# SPDX-License-Identifier: MIT
"""One token in the chaos: read without pause, its requests and its status judged."""

import collections
import errno
import sys
import time
from datetime import datetime

import control
from chaos_faults import CONNECT_TIMEOUT_S, REQUEST_TIMEOUT_S
from chaos_names import ZONE
from chaos_revocation import NOT_DELAYED, REVOKES_RIGHT, Revocations
from chaos_rate import LATE_S, UNSEEN, Rate, Unseen
from tokens import fingerprint, is_whole

BUFFER_BYTES = 1024
MARGIN_S = 0.3  # requests are timed where they arrive
LOOK_S = 0.5  # a generation is seen that long after its publish, at the latest
SETTLED_S = 2.5  # what readers see has been so for so long: the status must say the same
STATE_OF = {0: "valid", errno.EKEYEXPIRED: "expired", errno.EKEYREVOKED: "suspended", errno.ENOKEY: "pending"}

NOTHING_LOST = "a good token was lost"
NOTHING_EXPIRED = "an expired token was served"
NOTHING_STRANGE = "a token was served that no whole answer held"
NOTHING_TORN = "a token was torn, or a generation went back"
NOTHING_SUSPENDED = "a suspended token was served or asked for"
NOT_TOO_EARLY = "a token request came too early"
RIGHT_STATE = "the status showed another state than readers saw"
RIGHT_REASON = "the status gave a wrong reason"
FETCHED_ANEW = "a step of the wall clock did not lead to a token"
NOT_RESTLESS = "a restless wall clock outdid the backoff"
RECOVERS = "the token did not recover in time"
COMMANDS = {control.REJECT: "reject", control.REFRESH: "refresh", control.REVOKE: "revoke",
            control.SUSPEND: "suspend", control.RESUME: "resume"}
# A command leads to a request that no backoff holds up: the first that begins so long after it, or one before. A
# refresh is taken up by any that begins; a rejection may have met one; a revoke leads to another when no successor
# has come in time.
SOON_S = 0.5
UNREST_S = {control.REFRESH: 0, control.REJECT: SOON_S, control.SUSPEND: 0,
            control.REVOKE: REQUEST_TIMEOUT_S + SOON_S, control.RESUME: SOON_S}
INVARIANTS = (NOTHING_LOST, NOTHING_EXPIRED, NOTHING_STRANGE, NOTHING_TORN, NOTHING_SUSPENDED, NOT_TOO_EARLY,
              RIGHT_STATE, RIGHT_REASON, RECOVERS, REVOKES_RIGHT, NOT_DELAYED, FETCHED_ANEW, NOT_RESTLESS)


def wall_s_of(text):
    """A time of the status document, in seconds."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Token:
    def __init__(self, name, group, front, revocation, report):
        self.name = name
        self.group = group
        self.front = front
        self.revocation = revocation  # the front of its revocations, or None
        self.report = report
        self.where = "start"  # what a miss is told with
        self.handle = None
        self.error = None  # of the last read, 0 if it was one
        self.generation = 0
        self.good_until = 0  # by the readers' own clock
        self.is_suspended = False  # None: a command was sent, whose answer is not there
        self.suspended_at = 0
        self.is_revoking = False
        self._revoke_at = 0
        self.rate = Rate()
        self._unseen = None
        self.copied = None  # the fingerprint of the generation's token
        self._served = None
        self.attempts = collections.deque(maxlen=30)
        self._began_at = 0  # of that attempt: it may have to ask for a name first
        self._seen, self._seen_since = None, 0  # what readers and status said, and since when
        self._events = collections.deque(maxlen=20)
        self._revocations = Revocations()
        if revocation is not None:
            revocation.on_token = self._judge_revocation
        front.on_attempt = self._judge_attempt

    @property
    def kind(self):
        return self.front.kind

    @property
    def hostname(self):
        return f"{self.name}.{ZONE}"

    def fronts(self):
        return [front for front in (self.front, self.revocation) if front is not None]

    def miss(self, invariant, detail):
        self.report.miss(invariant, f"{self.where}, token {self.name} ({self.kind})", detail)
        now = time.monotonic()
        print("   ", "; ".join(f"{at - now:.2f} s {what}" for at, what in self._events), file=sys.stderr)

    def note(self, what):
        """For whoever looks into a miss."""
        self._events.append((time.monotonic(), what))

    # Reading

    def look(self):
        before = time.monotonic()
        result, token, info = self.handle.get(size=BUFFER_BYTES)
        self.report.done["reads"] += 1
        self.error = -result
        if result == 0:
            self._judge_copy(token, info, before)
        elif self.error == errno.EKEYREVOKED:
            if self.is_suspended is False:
                self.miss(NOTHING_LOST, "told as suspended, which it is not")
        elif self.error not in STATE_OF:
            self.miss(NOTHING_LOST, f"reading failed: {errno.errorcode.get(self.error)}")
        elif self.error == errno.EKEYEXPIRED and info.generation > self.generation:
            self._judge_missed_one(info)
        elif time.monotonic() < self.good_until and not self.is_revoking and self.is_suspended is False:
            self.miss(NOTHING_LOST, f"{self.good_until - time.monotonic():.2f} s of its life were left, "
                                    f"readers got {errno.errorcode[self.error]}")
            self.good_until = 0  # told once

    def _judge_missed_one(self, info):
        """A token came and ended from one look to the next; its successor may be on its way."""
        left_s = min(served.at + served.lifetime_s for served in list(self.front.served.values())[-2:]) - time.monotonic()
        if left_s > MARGIN_S and not self.is_revoking:
            self.miss(NOTHING_LOST, f"{left_s:.2f} s of its life were left, unseen")
        self.generation, self.good_until, self.copied = info.generation, 0, None

    def _judge_copy(self, token, info, before):
        if self.is_suspended:
            self.miss(NOTHING_SUSPENDED, "a reader got it")
        if info.generation != self.generation:
            if info.generation < self.generation or (b"." in token and not is_whole(token)):
                self.miss(NOTHING_TORN, f"generation {info.generation} after {self.generation}")
            self.generation = info.generation
            # A command that came just now may be for this one: it was there before anybody had looked.
            self.is_revoking = time.monotonic() < self._revoke_at + LOOK_S
            self.copied = fingerprint(token)
            self._served = self.front.served.get(self.copied)
            self.report.done["generations"] += 1
            if self._served is None:
                self.miss(NOTHING_STRANGE, "where is it from?")
        elif self.copied not in (None, fingerprint(token)):
            self.miss(NOTHING_TORN, f"generation {info.generation} has another token than before")
        if self._served and before > self._served.at + self._served.lifetime_s:
            self.miss(NOTHING_EXPIRED, f"{before - self._served.at - self._served.lifetime_s:.2f} s after its end")
        if info.remaining_ms < 0:
            self.miss(NOTHING_EXPIRED, "the copy itself says so")
        self.good_until = before + info.remaining_ms / 1000 - 0.001

    # Requests

    def _judge_attempt(self, attempt):
        """Called with each new connection."""
        former = self.attempts[-1] if self.attempts else None
        self.attempts.append(attempt)
        asked = [at for at in self.group.names.take(self.hostname) if at > attempt.at - CONNECT_TIMEOUT_S]
        # After a time without answers it may have knocked for as long as that. A resolver may still ask for another.
        knocked_at = min(asked, default=attempt.at)
        knocked_at -= CONNECT_TIMEOUT_S if attempt.at < self.front.full_until + CONNECT_TIMEOUT_S else 0
        self.report.done["requests"] += 1
        self.note(f"request {attempt.fault}")
        if self.is_suspended and knocked_at > self.suspended_at + MARGIN_S + self.report.lag.recent_s():
            self.miss(NOTHING_SUSPENDED, "a request for it came")
        last_began_at, self._began_at = self._began_at, knocked_at
        if former is None:
            return
        lag_s = self.report.lag.recent_s()
        least_s, has_failed = self.rate.least_s(former, last_began_at, lag_s)
        self.report.done["pauses after failures judged"] += has_failed
        gap_s = max(asked, default=attempt.at) - last_began_at
        if gap_s < least_s - MARGIN_S - lag_s:
            self.miss(NOT_TOO_EARLY, f"{gap_s:.2f} s after the one before, which met {former.fault}; "
                                     f"at least {least_s} s were due ({self.rate.failures} failures)")

    def watch_unseen(self, fault, failures=0):
        """From now on fault is there; requests that it lets nobody see are judged by their failures."""
        if failures == 0:
            self._judge_questions()
        is_unseen = fault.where in ("listen", "name") and fault.how in UNSEEN and self.status() is not None
        self._unseen = Unseen(fault.how, self.rate, self.failed(), self.group.names, self.hostname, failures,
                              self._unseen if failures > 0 else None) if is_unseen else None

    def has_judged_unseen(self):
        return self._unseen is None or self._unseen.judged > 0

    def _judge_unseen(self):
        if self._unseen is None:
            return
        before = self._unseen.judged
        wrong = self._unseen.look(self.failed(), self.report.lag.recent_s())
        self.report.done[f"attempts {UNSEEN[self._unseen.how]}, judged"] += self._unseen.judged - before
        if wrong is not None:
            self.miss(NOT_TOO_EARLY, wrong)

    def _judge_questions(self):
        questions = self._unseen and self._unseen.questions(self.report.lag.recent_s())
        if questions is None:
            return
        asked, most = questions
        self.report.done["questions to the name server, judged"] += asked
        if asked > most:
            self.miss(NOT_TOO_EARLY, f"{asked} questions {UNSEEN[self._unseen.how]}, where {most} are enough")

    def _judge_revocation(self, attempt):
        served = self.front.served.get(attempt.token)
        ends_at = served and served.at + served.lifetime_s
        self.report.done["revocations"] += 1
        self.note(f"revocation of {attempt.token} {attempt.fault}")
        wrong, is_pause = self._revocations.judge(attempt, self.group.started_at, ends_at, self.report.lag.recent_s())
        self.report.done["pauses between revocations judged"] += is_pause
        if wrong is not None:
            self.miss(REVOKES_RIGHT, wrong)

    # Status

    def status(self):
        return self.group.status_of(self.name)

    def failed(self):
        return self.status()["counters"]["fetches"]["failed"]

    def last_error(self):
        status = self.status()
        return status and status["last_error"]

    def judge_state(self):
        """Of a new look at the status: it may be late, but not for long."""
        status = self.status()
        if status is None or self.error is None:
            return
        self._judge_unseen()
        self.report.done["states judged"] += 1
        seen = (self.error, self.generation, status["state"], status["generation"])
        now = time.monotonic()
        if seen != self._seen or status["state"] == STATE_OF.get(self.error):
            self._seen, self._seen_since = seen, now
        elif now > self._seen_since + SETTLED_S + self.report.lag.recent_s():
            self._seen_since = now
            self.miss(RIGHT_STATE, f"{status['state']}, but readers got {STATE_OF.get(self.error)}")

    def begin(self):
        """The start, when all tokens come at once, says nothing of the time of a request."""
        self.attempts.clear()

    def judge_reason(self, error, fault):
        """None: it says nothing of this fault, because this program was too slow to let it happen."""
        wanted = (fault.reason_for(self.kind), fault.http_status)
        told = (error["reason"], error["http_status"] if wanted[1] is not None else None)
        is_unseen = fault.where in ("listen", "name") and wanted[0] == "timeout"  # and cannot be late
        if told[0] == "timeout" and not is_unseen and self._was_late(fault):
            self.report.done["requests answered too late"] += 1
            return None
        self.report.done["reasons judged"] += 1
        is_right = told == wanted or (fault.or_reason is not None and told == (fault.or_reason, wanted[1]))
        if not is_right:
            self.miss(RIGHT_REASON, f"{told[0]}, {told[1]}, for {fault}, not {wanted[0]}, {wanted[1]}: {error['message']}")
        return is_right

    def _was_late(self, fault):
        last = self.attempts[-1] if self.attempts else None
        return last is None or last.fault is not fault or last.hit_at is None or last.hit_at - last.at > LATE_S

    def is_well(self):
        status = self.status()
        return (self.error == 0 and status is not None and status["state"] == "valid"
                and status["failing_since"] is None and time.monotonic() < self.good_until)

    # Commands

    async def command(self, number):
        """The broker's answer, or None: it is not there at the moment."""
        sent_at = time.monotonic()
        self.rate.unrest(UNREST_S[number])
        was_revoking, was_suspended = self.is_revoking, self.is_suspended
        if number == control.REVOKE:
            self.is_revoking, self._revoke_at = True, time.monotonic()
        if number in (control.SUSPEND, control.RESUME):
            self.is_suspended = None
        answer = await self.group.control(number, self.name, self.generation if number == control.REJECT else 0)
        if number != control.REFRESH and UNREST_S[number] > 0:
            self.rate.unrest(UNREST_S[number])
        if number in (control.SUSPEND, control.REVOKE):
            self.rate.overtaken(sent_at, UNREST_S[number])
        if answer is None:
            return None
        self.report.done[f"{COMMANDS[number]}: {answer.result}"] += 1
        self.note(f"{COMMANDS[number]} {answer.result}")
        if answer.result != "accepted":
            self.is_revoking, self.is_suspended = was_revoking, was_suspended
        elif number == control.SUSPEND:
            self.is_suspended, self.suspended_at, self.good_until = True, time.monotonic(), 0
        elif number == control.RESUME:
            # A broker that was killed in a suspension, and answered nobody, has withdrawn the token all the same.
            self.is_suspended, self.good_until = False, 0
        return answer
