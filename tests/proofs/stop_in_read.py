# SPDX-License-Identifier: MIT
"""Run by gdb: a program that reads a token stands still within tokenbroker_get.

    gdb --nx --batch -ex "python ARGUMENTS=[...]" -x stop_in_read.py PROGRAM

ARGUMENTS count, OUT: how many instructions there are from the call to the look at the clock.
ARGUMENTS stop, OUT, STEPS, STOPPED, GO, ENDED: OUT gets what the program prints, STOPPED a line when it
stands still after so many; it goes on when GO exists, and ENDED gets its exit status."""

import time
from pathlib import Path

import gdb

POLL_S = 0.05


def start(out):
    for command in ("set confirm off", "set debuginfod enabled off", "break tokenbroker_get",
                    f"run get > {out} 2> /dev/null", "delete"):
        gdb.execute(command, to_string=True)


def is_at_the_clock():
    return "clock_gettime" in str(gdb.newest_frame().name())


def count(out):
    start(out)
    steps = 0
    while not is_at_the_clock():
        gdb.execute("stepi", to_string=True)
        steps += 1
    print(f"steps {steps}")
    gdb.execute("kill", to_string=True)


def stop(out, steps, stopped, go, ended):
    start(out)
    if steps > 0:
        gdb.execute(f"stepi {steps}", to_string=True)
    Path(stopped).write_text("stopped\n", encoding="ascii")
    while not Path(go).exists():
        time.sleep(POLL_S)
    gdb.execute("continue", to_string=True)
    Path(ended).write_text(str(gdb.parse_and_eval("$_exitcode")), encoding="ascii")


_what, *_arguments = globals()["ARGUMENTS"]  # gdb has set it
{"count": count, "stop": stop}[_what](*_arguments)
