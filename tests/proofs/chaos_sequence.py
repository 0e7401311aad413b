# SPDX-License-Identifier: MIT
"""What is done to a token: one fault with all that must follow from it, or a random sequence of them."""

import asyncio
import random
import time

import control
from chaos_faults import CLEAR, RANDOM_FAULTS, REQUEST_TIMEOUT_S, longest_pause_s
from chaos_report import TICK_S, wait_for
from chaos_revocation import RANDOM_FAULTS as RANDOM_REVOKE_FAULTS
from chaos_token import NOT_TOO_EARLY, NOTHING_LOST, RECOVERS, RIGHT_REASON, RIGHT_STATE, wall_s_of

SLACK_S = 2  # beyond what the backoff and the request may take
PATIENCE_S = 20
UNSEEN_S = 7  # long enough for several attempts that reach nobody
TRIES = 4  # at a fault that came too late on a busy machine
LONG_S, LIFETIMES_S = 60, (2, 3, 4, 5, 6, 8, 12, 60)
CLOCK_STEPS_S = (-86400, -3600, -60, 60, 3600, 86400, 0)
STEPS_MAX, STEP_S = 5, (0.2, 8)
# How often each, beside nothing at all.
ACTIONS = {"nothing": 8, "refresh": 8, "reject": 4, "revoke": 3, "suspend": 2, "reload": 2, "broken reload": 1,
           "kill": 2, "clock": 2}


async def refresh(token):
    """Now, or as soon as retry_min and a Retry-After allow: how often it was tried, or 0."""
    deadline, tries = time.monotonic() + PATIENCE_S, 0
    while time.monotonic() < deadline:
        tries += 1
        answer = await token.command(control.REFRESH)
        if answer is not None and answer.result == "accepted":
            return tries
        await asyncio.sleep(0.1 if answer is None else max(answer.retry_after_ms / 1000, 0.1))
    return 0


async def recover(token, group_of_faults):
    """The fault is over: the token is well again within one backoff, and a request that is on its way."""
    fault = token.front.fault
    was_well = token.is_well()
    token.front.lifetime_s = LONG_S  # one that had expired before it arrived would be another fault
    set_fault(token, CLEAR)
    began = time.monotonic()
    if token.is_suspended is not False:
        while (answer := await token.command(control.RESUME)) is None or answer.result != "accepted":
            await asyncio.sleep(0.2)
        began = time.monotonic()
    took_s = await wait_until_well(token, began, fault.retry_after_s + longest_pause_s() + REQUEST_TIMEOUT_S + SLACK_S)
    if not token.is_well():
        shown = token.status()
        token.miss(RECOVERS, f"{took_s:.1f} s after the end of {fault}: readers got {token.error}, "
                             f"the status says {shown and (shown['state'], shown['last_error'], shown['next_attempt_at'])}")
    elif not was_well:
        token.report.recoveries_s[group_of_faults].append(took_s)
    return token.is_well()


async def wait_until_well(token, began, longest_s):
    """Seconds that it took, or that were too long. A request that this program was too slow to answer is another
    fault, from which it has to recover as well."""
    last, tries = token.last_error(), TRIES
    while not token.is_well():
        began = max(began, token.group.started_at)
        now = time.monotonic()
        error = token.last_error()
        if error != last and error is not None and error["reason"] == "timeout" and now > began + REQUEST_TIMEOUT_S and tries > 0:
            token.report.done["requests answered too late"] += 1
            began, tries = now, tries - 1
        last = error
        if not token.group.is_down and now > began + longest_s + token.report.lag.recent_s():
            break
        await asyncio.sleep(TICK_S)
    return time.monotonic() - began


def set_fault(token, fault):
    token.note(f"fault {fault}")
    token.front.set_fault(fault)
    names = token.group.names
    names.orders[token.hostname] = fault.how if fault.where == "name" else None
    token.watch_unseen(fault)


# Directed

async def prove(token, fault):
    """One fault, met by a token that is well: whether all was right."""
    token.where = "directed"
    token.front.lifetime_s = LONG_S
    if not await recover(token, fault.group) or not await settle(token):
        return False
    former, failed = token.generation, token.failed()
    set_fault(token, fault)
    tries = await refresh(token)
    if fault.reason is None:
        is_right = await served_all_the_same(token, fault, former)
    else:
        is_right = await fails_as_it_must(token, fault, former, failed)
        if fault.where in ("listen", "name"):
            token.watch_unseen(fault, failures=int(tries == 1))  # else it was not this refresh that failed
            await asyncio.sleep(UNSEEN_S)
            await wait_for(token.has_judged_unseen, PATIENCE_S)
    token.report.loops_ms[fault.group].append(token.group.loop_ms)
    if not was_met(token, fault):
        token.miss(RIGHT_REASON, f"{fault}: it was not met")
        is_right = False
    if fault.retry_after_s > PATIENCE_S:
        is_right = await heals_when_changed(token, fault) and is_right
    return await recover(token, fault.group) and is_right


def was_met(token, fault):
    """Who is not let in is not seen here."""
    if fault.where == "name":
        return token.group.names.questions.get(token.hostname, 0) > 0
    return fault.where == "listen" or any(attempt.fault is fault and attempt.hit_at for attempt in token.attempts)


async def heals_when_changed(token, fault):
    """Nothing is asked for an hour at the most, unless it is another token by then."""
    pause_s = wall_s_of(token.status()["next_attempt_at"]) - token.group.wall_s()
    if not 0.9 * fault.retry_after_s < pause_s <= fault.retry_after_s:
        token.miss(NOT_TOO_EARLY, f"{fault}: the next attempt comes in {pause_s:.0f} s")
        return False
    set_fault(token, CLEAR)
    await token.group.change(token)
    return True


async def settle(token):
    """A token with a life that is long enough, and no request on its way."""
    if token.good_until < time.monotonic() + LONG_S / 2:
        former = token.generation
        await refresh(token)
        if not await wait_for(lambda: token.generation > former, PATIENCE_S):
            token.miss(RECOVERS, "no token to begin with")
            return False
    return await wait_for(lambda: token.status() is not None and token.status()["generation"] == token.generation, PATIENCE_S)


async def served_all_the_same(token, fault, former):
    if not await wait_for(lambda: token.generation > former, PATIENCE_S):
        token.miss(RECOVERS, f"{fault} has to be taken for a good answer: {token.status()['last_error']}")
        return False
    return fault.lifetime_s is None or lives_so_long(token, fault)


def lives_so_long(token, fault):
    """A token that has just come."""
    left_s = token.good_until - time.monotonic()
    is_right = fault.lifetime_s - SLACK_S - token.report.lag.recent_s() < left_s <= fault.lifetime_s
    if is_right or token.good_until == 0:  # it came and ended unseen
        return True
    token.miss(NOTHING_LOST, f"{fault}: {left_s:.1f} s of its life are left, not {fault.lifetime_s} s")
    return False


async def fails_as_it_must(token, fault, former, failed):
    is_right = None
    for _ in range(TRIES):
        if not await wait_for(lambda: token.status() and token.failed() > failed, PATIENCE_S):
            token.miss(RIGHT_REASON, f"{fault}: no failure is shown")
            return False
        failed = token.failed()
        is_right = token.judge_reason(token.last_error(), fault)
        if is_right is not None:
            break
    if token.status()["state"] != "valid" or token.status()["failing_since"] is None:
        token.miss(RIGHT_STATE, f"{token.status()['state']}, failing since {token.status()['failing_since']}")
        is_right = False
    if token.error != 0 or token.generation != former:
        token.miss(NOTHING_LOST, f"readers got {token.error}, generation {token.generation} after {former}")
        is_right = False
    return bool(is_right)


# Random

class Sequence:
    """Wholly made by seed and number; only the moments are the machine's."""

    def __init__(self, seed, number):
        self.number = number
        self._chance = random.Random(f"{seed}/{number}")

    async def run(self, token):
        token.where = f"sequence {self.number}"
        token.front.lifetime_s = self._chance.choice(LIFETIMES_S)
        for _ in range(self._chance.randint(1, STEPS_MAX)):
            fault = self._chance.choice([fault for fault in RANDOM_FAULTS if token.kind in fault.kinds])
            action = self._chance.choices(list(ACTIONS), ACTIONS.values())[0]
            self._set_revoke_fault(token)
            await self._step(token, fault, action)
        return await recover(token, "random")

    def _set_revoke_fault(self, token):
        fault = self._chance.choice(RANDOM_REVOKE_FAULTS)
        if token.revocation is not None:
            token.note(f"revocations: {fault}")
            token.revocation.set_fault(fault)

    async def _step(self, token, fault, action):
        began = time.monotonic()
        former, began_wall_s = token.last_error(), token.group.wall_s()
        set_fault(token, fault)
        token.report.done["faults set"] += 1
        token.note(action)
        await self._act(token, action)
        await asyncio.sleep(self._chance.uniform(*STEP_S))
        met = [attempt for attempt in token.attempts if attempt.fault is fault and attempt.hit_at and attempt.at > began]
        token.report.done["faults met"] += bool(met)
        if token.group.stepped_at < began - 1:  # else an old error may seem to be a new one
            self._judge(token, fault, met, former, began_wall_s)

    async def _act(self, token, action):
        if action in ("refresh", "reject", "revoke", "suspend"):
            await token.command(getattr(control, action.upper()))
        elif action == "kill":
            await token.group.kill(self._chance.uniform(1, 1.5))
        elif action in ("reload", "broken reload"):
            await token.group.reload(is_broken=action != "reload")
        elif action == "clock" and token.group.has_own_clock:
            token.group.step_clock(self._chance.choice(CLOCK_STEPS_S))
            token.report.done["clock steps"] += 1

    @staticmethod
    def _judge(token, fault, met, former, began_wall_s):
        """What the status says, if it is surely of this fault: there is one request at a time, the status is late by
        a moment, and its times are whole seconds."""
        error = token.last_error()
        if fault.reason is None or error is None or token.status()["consecutive_failures"] == 0:
            return
        is_second_old = len(met) > 1 and met[-1].at < time.monotonic() - 1 - token.report.lag.recent_s()
        failed_later = error != former and wall_s_of(error["at"]) >= began_wall_s + REQUEST_TIMEOUT_S + 1
        if is_second_old or failed_later:
            token.judge_reason(error, fault)
