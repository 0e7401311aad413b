# SPDX-License-Identifier: MIT
"""Steps of the wall clock under tokens that are well: what must be fetched anew, when, and how often at the most."""

import asyncio
import time

from chaos_faults import PLAIN, RETRY_MAX_S
from chaos_group import LOOK_S
from chaos_revocation import AFTERWARDS_S, came, renewed
from chaos_token import FETCHED_ANEW, NOT_RESTLESS, RECOVERS

KINDS = (PLAIN,) * 3
SLACK_S = 2
AHEAD_S = (60, 3600, 11)  # more than 10 s: segment.md, section 6
TOLD_S = (60, -3600, 2)  # an event, whatever it was
RESTLESS_S, RESTLESS_STEPS = 6, 20


async def prove(group, is_short):
    """How many steps there were, and after how many all tokens came anew."""
    for token in group.tokens:
        token.where = "steps of the clock"
        token.front.lifetime_s = AFTERWARDS_S  # none is due by itself
    await asyncio.gather(*(renewed(token, RECOVERS) for token in group.tokens))
    steps = (TOLD_S if group.is_told else AHEAD_S)[:1 if is_short and not group.is_told else None]
    offset_s, right = 0, 0
    for step_s in steps:
        await asyncio.sleep(RETRY_MAX_S + SLACK_S / 4)  # since the last one: there is no bound but retry_min now
        offset_s += step_s
        right += await comes_anew(group, offset_s, 0 if group.is_told else LOOK_S)
    if group.is_told:
        await outdoes_nothing(group, offset_s)
    return len(steps), right


async def comes_anew(group, offset_s, looks_s):
    former = {token: token.generation for token in group.tokens}
    group.step_clock(offset_s)
    new = await asyncio.gather(*(came(token, former[token], looks_s + SLACK_S, FETCHED_ANEW) for token in group.tokens))
    return None not in new


async def outdoes_nothing(group, offset_s):
    """Each event says: fetch now. All together must not be more than the backoff allows."""
    await asyncio.sleep(RETRY_MAX_S)
    began = time.monotonic()
    for number in range(RESTLESS_STEPS):
        group.step_clock(offset_s + number % 2)
        await asyncio.sleep(RESTLESS_S / RESTLESS_STEPS)
    lasted_s = time.monotonic() - began + group.report.lag.recent_s()
    most = 1 + int(lasted_s / RETRY_MAX_S) + 1
    for token in group.tokens:
        requests = sum(attempt.at > began for attempt in token.attempts)
        token.report.done["requests under a restless clock"] += requests
        if requests > most:
            token.miss(NOT_RESTLESS, f"{requests} requests in {lasted_s:.1f} s, where {most} are allowed")
