# SPDX-License-Identifier: MIT
"""One read of a token here, and from each place where programs have it from today."""

from contextlib import ExitStack

import brokers
import debian
import peer_servers
from figures import program, rounds
from pictures import block
from table import number

ORDER = 20
TITLE = "one read of a token of 300 bytes, and what it takes elsewhere: the ratio is how much slower that is"
ROUNDS = 200

NAMES = {
    "pread": "pread of a file on tmpfs, kept open",
    "file": "open, read, close of a file on tmpfs",
    "keyctl": "KEYCTL_READ",
    "redis": "Redis, Unix socket, connection kept",
    "redis-call": "Redis, Unix socket, connected each time",
    "memcached": "memcached, Unix socket, connection kept",
    "memcached-call": "memcached, Unix socket, connected each time",
    "http": "HTTP GET from a sidecar (nginx), connection kept",
    "oidc": "oidc-agent, by its library",
}
# What starts them, and the kind that stands for each.
STARTS = {"file": "file", "keyctl": "keyctl", "redis": "redis", "memcached": "memcached", "sidecar": "http",
          "oidc_agent": "oidc"}
# How many times longer a kind takes at least; and the fastest of all.
GOALS = {"oidc": (">=", 1000)}
FASTEST_GOAL = (">=", 10)


def _start_all(table, peers):
    """What bench/peers.c is to ask; what cannot be had is told, and fails where a goal stands against it."""
    addresses = []
    for start, kind in STARTS.items():
        try:
            addresses += getattr(peers, start)()
        except debian.Unavailable as error:
            table.missing(NAMES[kind], error, GOALS.get(kind))
    return addresses


def _tell(table, told):
    ours = told.pop("tokenbroker")
    table.row("tokenbroker_get", ours["median"], "ns", data={"peer": "tokenbroker_get"})
    for kind, figures in told.items():
        table.row(NAMES[kind], figures["median"], "ns", "tokenbroker_get", ours["median"],
                  GOALS.get(kind), data={"peer": NAMES[kind]})
    fastest = min(told, key=lambda kind: told[kind]["median"])
    table.row(f"the fastest of them: {fastest}", told[fastest]["median"], "ns", "tokenbroker_get", ours["median"],
              FASTEST_GOAL)


def _commands(table, made, peers, packages):
    """A process each: ours and the agent's own."""
    env = {**made.environment(), **peers.agent_env}
    told = program(made.build, "processes", rounds(100), made.build / "tokenbroker", "get", "--",
                   packages.program("oidc-token", "oidc-agent-cli"), "bench", env=env)
    table.row("oidc-agent, by its command oidc-token", told["2"]["median"] / 1000, "us", "tokenbroker get",
              told["1"]["median"] / 1000)


def measure(table, build):
    packages = debian.Packages(build / "bench/root")
    with brokers.world(build) as made, ExitStack() as stack:
        made.ready_broker(brokers.auth_server(made))
        token = made.cli("get").out.strip()
        peers = peer_servers.Peers(made, packages, token, stack)
        addresses = _start_all(table, peers)
        env = {**made.environment(), **getattr(peers, "agent_env", {})}
        told = program(build, "peers", rounds(ROUNDS), len(token), "tokenbroker:default", *addresses, env=env)
        table.check("each gave a token of 300 bytes", len(token) == brokers.TOKEN_BYTES)
        has_agent = "oidc" in told
        _tell(table, told)
        if has_agent:
            _commands(table, made, peers, packages)


def pictures(rows):
    """A bar for each place, ours first, then the fastest."""
    bars = sorted((row.figure, row.data["peer"]) for row in rows if "peer" in row.data)
    if not bars:
        return {}
    height = len(bars)
    # Each from the left edge, which is 10 ns on a logarithmic scale; the name stands in its bar's line.
    cells = [[figure, height - place, f'"{name}"', f'"{_duration(figure)}"', "0x1f5fa8" if "tokenbroker" in name
              else "0x888888"] for place, (figure, name) in enumerate(bars)]
    return {"read-cost-peers": block("data", cells) + f"""\
set logscale x
set xrange [10:1e9]
set xtics ('10 ns' 10, '1 us' 1e3, '100 us' 1e5, '10 ms' 1e7, '1 s' 1e9)
set yrange [0.3:{height + 0.7}]
set xlabel 'one read of a token of 300 bytes'
set lmargin 42
unset key
plot $data using (sqrt(10*$1)):2:(10):1:($2-0.35):($2+0.35):5:ytic(3) with boxxyerror fs solid lc rgb variable, \
     $data using 1:2:4 with labels left offset 0.6,0
"""}


def _duration(ns):
    for unit, size in (("ms", 1e6), ("us", 1e3)):
        if ns >= size:
            return f"{number(ns / size)} {unit}"
    return f"{number(ns)} ns"
