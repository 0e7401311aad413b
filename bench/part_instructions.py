# SPDX-License-Identifier: MIT
"""Instruction counts, beside those that are recorded."""

import instruction_counts

ORDER = 100
TITLE = "instructions a call (callgrind), beside those recorded in bench/instructions.json"


def measure(table, build):
    kept = instruction_counts.kept()
    is_same = kept["conditions"] == instruction_counts.conditions(build)
    for name, count in instruction_counts.count(build).items():
        recorded = kept["instructions"][name]
        table.row(name, count, "", "recorded", recorded, ("<=", instruction_counts.ROOM) if is_same else None)
