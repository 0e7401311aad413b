# SPDX-License-Identifier: MIT
"""tokenbroker_open() and tokenbroker_close()."""

import figures

ORDER = 70
TITLE = "open and close a token, beside the bare system calls"


def measure(table, build):
    told = figures.program(build, "open", figures.rounds(3000))
    ours, bare = told["open"], told["bare"]
    table.row("open and close, median", ours["median"] / 1000, "us", "bare system calls", bare["median"] / 1000)
    table.row("open and close, 99th percentile", ours["p99"] / 1000, "us", "bare system calls", bare["p99"] / 1000)
