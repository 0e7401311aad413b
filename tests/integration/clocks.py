# SPDX-License-Identifier: MIT
"""Wall clocks of single processes (tests/support/preload/wall_clock.c): never the machine's, and no other clock."""


def set_clock(file, ahead_s):
    """Processes that go by this file see a time so many seconds ahead of the true one, or behind it."""
    new = file.with_suffix(".new")
    new.write_text(f"{ahead_s:+d}\n")
    new.chmod(0o644)
    new.rename(file)


def clock_of(build, file):
    """The environment of such a process."""
    return {"LD_PRELOAD": str(build / "tests/support/wall_clock.so"), "TB_WALL_CLOCK": str(file)}
