# SPDX-License-Identifier: MIT
"""Revocations that meet faults: tried again with a backoff of their own until the token has expired, or given up
where the server says that it cannot; and nobody waits for them."""

import asyncio
import json
import time
from urllib.parse import parse_qs

import control
from chaos_faults import CLEAR, PLAIN, REQUEST_TIMEOUT_S, Fault, backoff_s, longest_pause_s
from chaos_front import Front
from chaos_rate import LATE_S, STATUS_LATE_S
from chaos_report import wait_for
from tokens import fingerprint

REVOKES_RIGHT = "a revocation came too early, too late, or where none may come"
NOT_DELAYED = "a fetch waited for a revocation"
PATH = "/rest/v2/oauth/revoke"
LIFETIME_S, AFTERWARDS_S = 14, 600
MIDDLE_S = 2.5
MARGIN_S = 0.3
SLACK_S = 2
PATIENCE_S = 20


def _answer(name, status, error=None, **more):
    body = json.dumps({"error": error}) if error else ""
    return Fault("revocation", name, "http", order={"status": status, "body": body}, http_status=status, **more)


# is_permanent: given up (RFC 7009 2.2.1).
FAULTS = (
    Fault("revocation", "connection refused", "network", "listen", "refuse"),
    Fault("revocation", "reset after connect", "network", "connect", "reset"),
    Fault("revocation", "stall after connect", "timeout", "connect", "stall"),
    Fault("revocation", "close in the request body", "network", "request body", "close"),
    Fault("revocation", "reset in the answer head", "network", "answer head", "reset"),
    Fault("revocation", "close in the answer body", "network", "answer body", "close",
          order={"status": 200, "body": "nobody reads this"}),
    _answer("HTTP 503", 503),
    Fault("revocation", "HTTP 503, Retry-After", "http", order={"status": 503, "headers": {"Retry-After": "4"}},
          http_status=503, retry_after_s=4),
    _answer("invalid_client", 401, "invalid_client"),
    _answer("HTTP 400", 400, is_permanent=True),
    _answer("unsupported_token_type", 400, "unsupported_token_type", is_permanent=True),
)
KINDS = (PLAIN,) * len(FAULTS)  # of the tokens that meet them, one each
# Most often none.
RANDOM_FAULTS = (CLEAR,) * len(FAULTS) + FAULTS


class RevokeFront(Front):
    """Stands before the revocation endpoint. on_token(attempt): as soon as it is known which token is meant."""

    def __init__(self, client_id, upstream):
        super().__init__(PLAIN, client_id, upstream, None)
        self.attempts = []
        self.on_attempt = self.attempts.append
        self.on_token = lambda attempt: None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}{PATH}"

    def _see(self, attempt, body):
        attempt.token = fingerprint(parse_qs(body.decode())["token"][0])
        self.on_token(attempt)

    def _order(self, attempt):
        return {"endpoint": "revoke", "count": 1, **attempt.fault.order} if attempt.fault.order else None

    def _note(self, attempt, body):
        """Nothing is served."""


def was_heard(attempt):
    return attempt.hit_at is not None and attempt.hit_at - attempt.at < LATE_S


class Revocations:
    """Each token's, held against the backoff; known is at least what is seen here."""

    def __init__(self):
        self._known = {}  # {fingerprint: its attempts by the broker that runs}

    def judge(self, attempt, started_at, ends_at, lag_s):
        """(what is wrong or None, whether a pause was judged)"""
        formers = [former for former in self._known.get(attempt.token, ()) if former.at > started_at]
        self._known[attempt.token] = [*formers, attempt]
        if ends_at is not None and attempt.at > ends_at + MARGIN_S + lag_s:
            return f"{attempt.at - ends_at:.2f} s after the end of its token", True
        if not formers:
            return None, False
        if any(former.fault.is_permanent and was_heard(former) for former in formers):
            return "the server had said that it cannot", True
        former = formers[-1]
        least_s = max(backoff_s(len(formers)), former.fault.retry_after_s if was_heard(former) else 0)
        gap_s = attempt.at - former.at
        if gap_s < least_s - MARGIN_S - lag_s:
            return f"{gap_s:.2f} s after the one before, which met {former.fault}; at least {least_s} s were due", True
        return None, True


# Directed

async def prove(token, fault):
    """Whether all was right: first until the token's end, then with a fault that ends."""
    token.where = f"revocation, {fault}"
    is_right = await meets(token, fault)
    if not fault.is_permanent:
        is_right = await heals(token, fault) and is_right
    token.revocation.set_fault(CLEAR)
    token.front.lifetime_s = AFTERWARDS_S
    await renewed(token)
    return is_right


def counted(token):
    return token.status()["counters"]["revocations"]


async def renewed(token, invariant=NOT_DELAYED):
    """Whether a refresh leads to a token at once; (when, its fingerprint), or None."""
    former, deadline = token.generation, time.monotonic() + PATIENCE_S
    while (answer := await token.command(control.REFRESH)) is None or answer.result != "accepted":
        if time.monotonic() > deadline:
            return None
        await asyncio.sleep(0.1 if answer is None else max(answer.retry_after_ms / 1000, 0.1))
    return await came(token, former, invariant=invariant)


def has_begun(token, since):
    return bool(token.attempts) and token.attempts[-1].at > since


async def came(token, former, most_s=SLACK_S, invariant=NOT_DELAYED):
    """The fingerprint of a token after former, whose request begins in time: how fast it is answered is this
    program's and the machine's doing."""
    began = time.monotonic() - MARGIN_S
    most_s += token.report.lag.recent_s()
    if not await wait_for(lambda: token.generation > former or has_begun(token, began), most_s):
        token.miss(invariant, f"no request within {most_s:.1f} s")
    elif not await wait_for(lambda: token.generation > former, PATIENCE_S):
        token.miss(invariant, f"no token within {PATIENCE_S} s")
    return token.copied if token.generation > former else None


async def revoked(token, fault):
    """(the token that is to be revoked, when that began), or None; its successor has come then."""
    token.front.lifetime_s = LIFETIME_S
    former = await renewed(token)
    if former is None or not await wait_for(lambda: token.status()["generation"] == token.generation, PATIENCE_S):
        return None
    token.revocation.set_fault(fault)
    began, generation = time.monotonic(), token.generation
    answer = await token.command(control.REVOKE)
    if answer is None or answer.result != "accepted":
        token.miss(REVOKES_RIGHT, f"the command was not taken: {answer and answer.result}")
        return None
    return (former, began) if await came(token, generation) else None


async def meets(token, fault):
    failed = counted(token)["failed"]
    begun = await revoked(token, fault)
    if begun is None:
        return False
    former, began = begun
    served = token.front.served[former]
    ends_at = served.at + served.lifetime_s
    await asyncio.sleep(MIDDLE_S)
    if await renewed(token) is None:
        return False
    await asyncio.sleep(max(ends_at + STATUS_LATE_S - time.monotonic(), 0))
    attempts = [attempt for attempt in token.revocation.attempts if attempt.at > began]
    failed = counted(token)["failed"] - failed
    if fault.where == "listen":
        wrong = wrong_number(failed, ends_at - began, token.report.lag.recent_s())
    elif fault.is_permanent:
        wrong = None if len(attempts) == 1 or not was_heard(attempts[0]) else f"{len(attempts)} attempts, where 1 is enough"
    else:
        wrong = wrong_times(attempts, fault, ends_at, token.report.lag.recent_s())
    token.report.done["revocations tried again"] += max(failed, len(attempts)) - 1
    if wrong is not None:
        token.miss(REVOKES_RIGHT, wrong)
    return wrong is None


def longest_s(fault, number):
    """From the begin of an attempt to the next, at the most."""
    return max(backoff_s(number) * 1.25, fault.retry_after_s) + REQUEST_TIMEOUT_S + SLACK_S


def wrong_number(failed, span_s, lag_s):
    """Of attempts that nobody sees, and that take no time."""
    most, at_s = 1, 0
    while (at_s := at_s + backoff_s(most)) <= span_s + lag_s:
        most += 1
    least = int((span_s - lag_s - SLACK_S) / longest_pause_s())
    return None if least <= failed <= most else f"{failed} attempts in {span_s:.1f} s, not {least} to {most}"


def wrong_times(attempts, fault, ends_at, lag_s):
    """The least pauses also where it is not known which token an attempt is for: there is one only."""
    times = [*(attempt.at for attempt in attempts), ends_at]
    if len(times) < 2:
        return "no attempt came"
    for number, gap_s in enumerate((after - before for before, after in zip(times, times[1:])), 1):
        least_s = max(backoff_s(number), fault.retry_after_s if was_heard(attempts[number - 1]) else 0)
        if gap_s > longest_s(fault, number) + lag_s:
            return f"none in {gap_s:.1f} s, though {fault} met the one before and the token lived on"
        if number < len(attempts) and gap_s < least_s - MARGIN_S - lag_s:
            return f"{gap_s:.2f} s after the one before; at least {least_s} s were due"
    if attempts[-1].at > ends_at + MARGIN_S + lag_s:
        return f"{attempts[-1].at - ends_at:.2f} s after the end of the token"
    return None


async def heals(token, fault):
    """The fault ends when it has been met: the next attempt is the last one."""
    former = counted(token)
    if await revoked(token, fault) is None:
        return False
    await wait_for(lambda: counted(token)["failed"] > former["failed"], PATIENCE_S)
    token.revocation.set_fault(CLEAR)
    most_s = longest_s(fault, 2) + token.report.lag.recent_s()
    if not await wait_for(lambda: counted(token)["ok"] > former["ok"], most_s):
        token.miss(REVOKES_RIGHT, f"not done {most_s:.1f} s after the end of {fault}")
        return False
    done_at = time.monotonic()
    await asyncio.sleep(2 * backoff_s(1))
    if any(attempt.at > done_at for attempt in token.revocation.attempts):
        token.miss(REVOKES_RIGHT, "it was tried again when it was done")
        return False
    return True
