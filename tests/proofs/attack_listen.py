# SPDX-License-Identifier: MIT
"""The addresses of tokenbroker-httpd, taken by a stranger before it starts and while it is down: who answers there
would be sent the access token."""

import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

import http_server
from attack_names import VICTIM, identity, make_victim, remove
from attack_runtime import ALL_KINDS, KINDS_OF_ROOT
from http_server import HTTP_UID
from tb import STRANGER_UID, as_uid, wait_until

ROOT = Path(__file__).resolve().parents[2]

# Family, host (None: the server's own), options.
WAYS = {
    "the address": (socket.AF_INET, None, ()),
    "with SO_REUSEADDR": (socket.AF_INET, None, (socket.SO_REUSEADDR,)),
    "with SO_REUSEPORT": (socket.AF_INET, None, (socket.SO_REUSEADDR, socket.SO_REUSEPORT)),
    "all of IPv4": (socket.AF_INET, "0.0.0.0", (socket.SO_REUSEADDR,)),
    "all of IPv4 and IPv6": (socket.AF_INET6, "::", (socket.SO_REUSEADDR,)),
}

# Of a stranger; listens at once, or when it is sent SIGUSR1.
SQUAT = """
import signal, socket, sys
family, host, port, when, *options = sys.argv[1:]
squatter = socket.socket(int(family))
for option in options:
    squatter.setsockopt(socket.SOL_SOCKET, int(option), 1)
def listen(*_):
    try:
        squatter.listen()
        print("listening", flush=True)
    except OSError as error:
        print(error, flush=True)
squatter.bind((host, int(port)))
signal.signal(signal.SIGUSR1, listen)
if when == "now":
    listen()
print("bound", flush=True)
while True:
    signal.pause()
"""


def _free_address():
    """Whose port nobody uses on any address: a stranger may take all of them."""
    host = http_server.own_address().partition(":")[0]
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return host, probe.getsockname()[1]


def _squat(world, address, way, when):
    family, host, options = WAYS[way]
    arguments = map(str, (int(family), host or address[0], address[1], when, *options))
    squatter = world.process([sys.executable, "-c", SQUAT, *arguments], "squatter", uid=STRANGER_UID)
    wait_until(lambda: "bound" in squatter.out(), 10, "the squatter")
    return squatter


def _taken(address):
    """Of how many ways one listens there; each is given up again."""
    taken = 0
    for family, host, options in WAYS.values():
        with socket.socket(family) as taker:
            for option in options:
                taker.setsockopt(socket.SOL_SOCKET, option, 1)
            try:
                taker.bind((host or address[0], address[1]))
                taker.listen()
                taken += 1
            except OSError:
                pass
    return taken


def _configure(world, address):
    path = http_server.write_access_token(world, "access-token-of-the-attack-0123456789")
    world.write_config({}, http=http_server.section(world, listen=[f"{address[0]}:{address[1]}"],
                                                    access_token_file=path))


def _refuses_to_start(world, text):
    """Exit 1 and one message that says where it cannot listen."""
    http = http_server.start(world)
    with suppress(AssertionError):
        http.wait(10)
    http.end()
    return http.popen.poll() == 1 and f"cannot listen on {text}: " in http.err() and not http.listening()


def _answers(http):
    return http.ask("/livez").body != b""


def tcp_port(case, world, rounds):
    """Taken, free, and held for the server as systemd holds it."""
    under = case.under("P21")
    for way in WAYS:
        refused = 0
        for _ in range(rounds):
            address = _free_address()
            _configure(world, address)
            squatter = _squat(world, address, way, "now")
            refused += "listening" in squatter.out() and _refuses_to_start(world, f"{address[0]}:{address[1]}")
            squatter.kill()
        under.each(f"port taken, {way}: no start, and the address named", refused, rounds)
    address = _free_address()
    _configure(world, address)
    squatter = _squat(world, address, "with SO_REUSEADDR", "later")
    http = http_server.start(world).wait_ready()
    squatter.signal(signal.SIGUSR1)
    wait_until(lambda: squatter.out().count("\n") == 2, 10, "its try to listen")
    under.each("bound by a stranger that does not listen: served, and it cannot listen any more",
               int(_answers(http) and "listening" not in squatter.out()), 1)
    squatter.kill()
    free = _free_address()
    works = as_uid(STRANGER_UID, _taken, free)
    under.row("ways of a stranger to take a port that nobody holds", works, works >= len(WAYS) - 1)  # without IPv6
    under.none("  that is served", as_uid(STRANGER_UID, _taken, address))
    http.kill()
    taken = as_uid(STRANGER_UID, _taken, address)
    under.row("  that was served by one that is down, which nobody promises", taken, taken > 0)
    _held_by_systemd(under, world, _free_address())


def _held_by_systemd(under, world, address):
    """Whoever listens for the server is root here, as it is with the socket unit."""
    with http_server.listener(socket.AF_INET, address) as held:
        http = http_server.activate(world, held).wait_ready()
        answered = _answers(http)
        http.kill()
        taken = as_uid(STRANGER_UID, _taken, address)
        http = http_server.activate(world, held).wait_ready()
        answered = answered and _answers(http)
        ended = http.terminate()
    under.none("  that systemd holds, while the server is down", taken)
    under.each("  and the server answers there again", int(answered and ended == 0), 1)
    unit = (ROOT / "packaging/systemd/tokenbroker-httpd.socket").read_text(encoding="ascii")
    service = (ROOT / "packaging/systemd/tokenbroker-httpd.service").read_text(encoding="ascii")
    under.each("  as the packaged socket holds 127.0.0.1:8437, and the service can open none itself",
               int("\nListenStream=127.0.0.1:8437\n" in unit and "\nRestrictAddressFamilies=AF_UNIX\n" in service
                   and "\nRequires=tokenbroker-httpd.socket\n" in service), 1)


# The Unix socket

def _socket(mode, is_live):
    def make(path, _):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            os.chmod(path, mode)
            if is_live:
                listener.listen()
                return listener.dup()
        return None
    return make


# design.md section 3: only a socket that nobody listens on is removed. Of one that it may not connect to the server
# cannot know.
SOCKETS = {
    "another's dead socket": (_socket(0o777, False), "served"),
    "another's dead socket, closed to all": (_socket(0o700, False), "refused"),
    "another's live socket": (_socket(0o777, True), "refused"),
    "another's live socket, closed to all": (_socket(0o700, True), "refused"),
}
IN_THE_PLACE = {**{kind: (make, "refused") for kind, make in ALL_KINDS.items()}, **SOCKETS}


def _plant(path, make, victim):
    """As the stranger, in a directory that root has left open. What keeps a socket alive, or None."""
    path.parent.chmod(0o777)
    uid = 0 if make in KINDS_OF_ROOT.values() else STRANGER_UID
    try:
        os.seteuid(uid)
        return make(path, victim)
    finally:
        os.seteuid(0)
        path.parent.chmod(0o755)


def _start_over(world, path):
    """"served", "refused" (by name, and what is there left as it was), or what went wrong."""
    before = identity(path)
    http = http_server.start(world)
    try:
        http.wait_ready()
    except AssertionError:
        http.end()
        is_good = http.popen.poll() == 1 and f"cannot listen on unix_socket {path}: " in http.err()
        return "refused" if is_good and identity(path) == before else http.err()
    is_good = http.ask("/livez", unix=True).body != b"" and os.lstat(path).st_uid == HTTP_UID
    return "served" if http.terminate() == 0 and is_good and not os.path.lexists(path) else http.err()


def unix_socket(case, world, _):
    """Each kind in the place of http.sock."""
    victim = make_victim(world, HTTP_UID)
    _configure(world, _free_address())
    path = world.directory / "httpd/http.sock"
    under = case.under("P20")
    for outcome in ("refused", "served"):
        kinds = {kind: make for kind, (make, expected) in IN_THE_PLACE.items() if expected == outcome}
        odd = []
        for kind, make in kinds.items():
            live = _plant(path, make, victim)
            found = _start_over(world, path)
            if found != outcome:
                odd.append(f"; {kind}: {found}")
            if live:
                live.close()
            remove([path])
        under.each(f"kinds of things in the place of http.sock: {outcome}{''.join(odd)}", len(kinds) - len(odd),
                   len(kinds))
    http_server.start(world).wait_ready().kill()
    under.each("  its own, of a run that was killed: served", int(_start_over(world, path) == "served"), 1)
    case.under("P11").each("the file that symlinks lead to is as it was", int(victim.read_bytes() == VICTIM), 1)
