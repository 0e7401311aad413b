# SPDX-License-Identifier: MIT
"""Clocks of single processes, never the machine's: the wall clock by a library that is preloaded
(tests/support/preload/wall_clock.c), the boot clock by a time namespace."""


def set_clock(file, ahead_s):
    """Processes that go by this file see a time so many seconds ahead of the true one, or behind it."""
    new = file.with_suffix(".new")
    new.write_text(f"{ahead_s:+d}\n")
    new.chmod(0o644)
    new.rename(file)


def clock_of(build, file, tells=False):
    """The environment of such a process. tells: each set_clock() is an event for it, as a clock that was set;
    the file must then be the only one in its directory."""
    return {"LD_PRELOAD": str(build / "tests/support/wall_clock.so"), "TB_WALL_CLOCK": str(file),
            **({"TB_WALL_CLOCK_TELLS": "1"} if tells else {})}


def boot_clock(ahead_s, uid):
    """What is to stand before a command that root starts: it runs as uid, so long after the boot."""
    return ["unshare", "--time", "--boottime", str(ahead_s), "setpriv", f"--reuid={uid}", f"--regid={uid}",
            "--clear-groups"]
