# SPDX-License-Identifier: MIT
"""tokenbroker get, as a process."""

import subprocess

import brokers
from figures import program, rounds

ORDER = 50
TITLE = "processes that read a token, beside one that does nothing"
ROUNDS = 1500


def _libraries(made):
    """What the dynamic loader maps for `tokenbroker get`."""
    loaded = subprocess.run([made.build / "tokenbroker", "get"], env={**made.environment(), "LD_DEBUG": "files"},
                            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
    return sorted({line.split("file=", 1)[1].split(" ")[0] for line in loaded.splitlines()
                   if "generating link map" in line})


def measure(table, build):
    with brokers.world(build) as made:
        made.ready_broker(brokers.auth_server(made))
        get = [made.build / "tokenbroker", "get"]
        told = program(build, "processes", rounds(ROUNDS), "/bin/true", "--", *get, "--",
                       made.build / "tokenbroker", "--version", env=made.environment())
        nothing, ours, version = (told[number] for number in ("1", "2", "3"))
        for name, goal in (("median", ("<=", 1.3)), ("best", None), ("p99", None)):
            table.row(f"tokenbroker get, {name}", ours[name] / 1000, "us", "/bin/true", nothing[name] / 1000, goal)
        table.row("tokenbroker --version, median", version["median"] / 1000, "us", "/bin/true",
                  nothing["median"] / 1000)
        libraries = _libraries(made)
        table.check(f"it loads libc alone: {' '.join(libraries)}", libraries == ["libc.so.6"])
