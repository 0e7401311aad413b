# SPDX-License-Identifier: MIT
"""Who looks on while brokers are killed: readers that verify each copy, waiters that measure how late they are
told, and the command line, which waits and rejects."""

import collections
import json

from processes import last_in_turn
from proof import reader, wait_reading
from tb import OTHER_READER_UID, READER_UID

SLICE_S = 5  # segment-format.md: a sleeper looks for itself at least so often
TURN_S = 2  # until a process that may go on is given the processor, on a machine with other work
WAIT_S = 10
PAUSE_S = 0.2  # between rejections, so that brokers get to live and die
READERS = 8
WAITERS = 2
# What readers may be told while tokens are suspended, withdrawn and taken out of the configuration.
WITHOUT_TOKEN = {"EKEYREVOKED", "ENOKEY", "ENOENT"}
# Each prints at its end how often it ended how: a line of `ended_STATUS='NUMBER'` for each.
LOOP = 'trap "set | grep ^ended_; exit" TERM; while :; do {}; eval "ended_$how=\\$((ended_$how + 1))"; sleep {}; done'
# Who reads no token is denied: proper if this one's has left the configuration, which then shows for a while.
GONE = ('for look in 1 2 3 4 5; do "$0" info >/dev/null 2>&1; '
        'case $? in 3|7) how=7_gone; break;; esac; sleep 0.02; done')
# No answer within a second: proper if the broker is dead that was to give it, or it gives one within TURN_S more.
LIVES = '[ -e "/proc/${broker:-none}" ]'
NO_ANSWER = (f'for again in $(seq {TURN_S}); do {LIVES} || break; "$0" reject "$generation" >/dev/null 2>&1; '
             f'[ $? = 9 ] || {{ how=9_late; break; }}; done; {LIVES} || how=9_killed')
# sed, because a processor has better things to do than to start jq for one number.
NUMBER = 'sed -n \'s/.*"{}": *\\([0-9]*\\).*/\\1/p\''
ASK = (f'broker=$({NUMBER.format("pid")} "$TOKENBROKER_RUNTIME_DIR/status.json" 2>/dev/null); '
       'said=$("$0" reject "$generation" 2>&1); how=$?; '
       f'case $how$said in 0*"on its way"*) how=accepted;; 1*"too busy"*) how=busy;; 7*) {GONE};; '
       f'9*) {NO_ANSWER};; esac')
REJECT = LOOP.format(f'generation=$("$0" info --json 2>/dev/null | {NUMBER.format("generation")}); '
                     f'case $generation in "") sleep {PAUSE_S}; continue;; esac; ' + ASK, PAUSE_S)
REJECT_STALE = LOOP.format("generation=1; " + ASK, PAUSE_S)  # leads to no fetch
WAIT = LOOP.format(f'known=$("$0" info --json 2>/dev/null | {NUMBER.format("generation")}); began=$(date +%s%3N); '
                   f'"$0" wait --after "${{known:-0}}" --timeout {WAIT_S} >/dev/null 2>&1 & wait $!; how=$?; '
                   f'case $how in 9) [ $(($(date +%s%3N) - began)) -ge {WAIT_S * 1000 - 100} ] || how=9_early;; esac',
                   0.01)
# The one that must be among them, and the others. 8: nobody listens; 6: suspended.
KEPT_ENDS = {"wait": ("0", "9"), "reject": ("accepted", "0", "8", "9_killed", "9_late", "busy")}
LOST_ENDS = {"wait": ("3",), "reject": ("3", "6", "7_gone")}


class Observers:
    """The readers never rest, so they leave the others their turn."""

    def __init__(self, world):
        tool = world.build / "tokenbroker"
        uids = (READER_UID, OTHER_READER_UID)
        self.readers = [last_in_turn(world.process(reader(world), "reader", uid=uids[number % 2]))
                        for number in range(READERS)]
        wait_reading(self.readers)
        self.waiters = waiters(world, WAITERS)
        self.waits = [world.process(["sh", "-c", WAIT, tool], "wait", uid=READER_UID)]
        self.rejecters = [world.process(["sh", "-c", REJECT, tool], "reject", uid=OTHER_READER_UID) for _ in range(2)]

    def tell(self, case, is_long, is_kept=False):
        """Their end. is_kept: nothing took the token away meanwhile."""
        self.tell_of_reads(case, is_long, is_kept)
        tell_of_waits(case, self.waiters)
        for name, loops in (("wait", self.waits), ("reject", self.rejecters)):
            ended = ends(loops)
            case.row(f"`{name}` commands", sum(ended.values()), sum(ended.values()) > 0)
            wanted, *others = KEPT_ENDS[name] if is_kept else KEPT_ENDS[name] + LOST_ENDS[name]
            case.row(f"  ended with {wanted}", ended[wanted], ended[wanted] > 0 or not is_long)
            for how, number in sorted(ended.items()):
                if how != wanted:
                    case.row(f"  ended with {how}", number, how in others)

    def tell_of_reads(self, case, is_long, is_kept):
        told = [_told(reader) for reader in self.readers]
        sums, errors = collections.Counter(), collections.Counter()
        for one in told:
            sums.update({key: one[key] for key in ("reads", "torn", "overtaken", "overtaken_tries",
                                                   "generation_went_back")})
            errors.update(one["errors"])
        passed = max(one["last_generation"] - one["first_generation"] for one in told)
        longest_us = max(one["longest_read_us"] for one in told)
        case.row("generations that readers saw pass", passed, passed > 0)
        case.row("verified reads", sums["reads"], all(one["reads"] for one in told))
        case.row("  during which another token came", sums["overtaken"], sums["overtaken"] > 0)
        case.row("  tries that were overtaken, and made again", sums["overtaken_tries"],
                 sums["overtaken_tries"] > 0 or not is_long)
        case.none("torn tokens", sums["torn"])
        case.none("generations that went back", sums["generation_went_back"])
        case.row("longest read, us", longest_us, longest_us < SLICE_S * 1000000)
        if is_kept:
            case.none("reads without a token", sum(errors.values()))
            return
        for name, number in sorted(errors.items()):
            case.row(f"reads told {name}", number, name in WITHOUT_TOKEN)


def waiters(world, count):
    return [world.process([world.build / "tests/support/verify_waiter", 86400], "waiter", uid=READER_UID)
            for _ in range(count)]


def tell_of_waits(case, processes):
    told = [_told(process) for process in processes]
    late_us = max(one["longest_late_us"] for one in told)
    case.row("waits that a new token ended", sum(one["waits"] for one in told), all(one["waits"] for one in told))
    case.none("waits that ended without one, or failed", sum(one["too_early"] + one["errors"] for one in told))
    case.row("longest wait past a publish, us", late_us, late_us < (SLICE_S + TURN_S) * 1000000)


def _told(process):
    process.terminate(30)
    return json.loads(process.out())


def ends(loops):
    """How often the commands of such loops ended how."""
    ended = collections.Counter()
    for loop in loops:
        loop.terminate(30)
        for line in loop.out().splitlines():
            how, number = line.removeprefix("ended_").split("=")
            ended[how] += int(number.strip("'"))
    return ended
