# SPDX-License-Identifier: MIT
"""A thousand processes at once say that the API refused their token."""

import json

import brokers
import figures
import tb

ORDER = 90
TITLE = "1,000 processes reject a token at once and hold the next"
PROCESSES = 1000
ROUNDS = 3


def measure(table, build):
    slowest, late = [], 0
    for _ in range(figures.rounds(ROUNDS)):
        with brokers.world(build) as made:
            slowest_ms, told_busy = _round(table, made)
            slowest.append(slowest_ms)
            late += told_busy
    table.row(f"the slowest of {PROCESSES}: rejection to next token, median", figures.median(slowest), "ms")
    table.row("rejections that were told of a busy broker", late, "", goal=("<=", 0))
    table.row("the slowest of the rounds", max(slowest), "ms", goal=("<=", 5000))


def _round(table, made):
    """Milliseconds of the slowest process, and how many were told that the broker is busy."""
    server = brokers.auth_server(made)
    made.ready_broker(server)
    before = server.requests()
    process = made.process([made.build / "tests/support/swarm", "reject", "--processes", str(PROCESSES), "--uid",
                            str(tb.READER_UID) if tb.IS_ROOT else "", "--timeout-ms", "30000"], "swarm")
    status = process.wait(120)
    seen = json.loads(process.out())
    rejected = seen["results"]["reject"]
    answered = rejected.get("ok", 0) + rejected.get("ESTALE", 0)
    table.check(f"all hold the next token: {rejected}",
                status == 0 and answered == PROCESSES and len(seen["after"]) == 1 and
                seen["results"]["get"] == {"ok": 2 * PROCESSES})
    table.check("the server had one request", server.requests() - before == 1)
    return seen["slowest_ms"], rejected.get("EAGAIN", 0) + rejected.get("ETIMEDOUT", 0)
