# SPDX-License-Identifier: MIT
"""While a request is under way the secret must be in memory: in locked pages that no core file holds."""

import itertools
import socket
import time
from contextlib import contextmanager

import http_server
from hygiene_rest import CANARY, SECRET, SECRET_PIECES, marked
from memory import dump, forms, holders, pieces
from tb import wait_until

_rounds = itertools.count()
SETTLE_S = 0.2  # the broker has nothing more to do than to wait
ACCESS_TOKEN = "access-token-of-the-hygiene-0123456789"


@contextmanager
def _silent_address():
    """A port where somebody listens and never answers: not even a TLS handshake goes on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def _start_refresh(world):
    wait_until(lambda: world.cli("refresh", "default", "--wait", "0").status == 0, 60, "a refresh")


def _use(world, broker, text):
    world.config_path.write_text(text, encoding="utf-8")
    broker.reload()


def _give_up(world, server, broker, text):
    """With another source the request that hangs is given up, and a token of that one fetched."""
    server.clear_orders()
    before = broker.token_status()["generation"]
    parameter = f'parameters = {{"round={next(_rounds)}"}}'
    _use(world, broker, text.replace('token "default" {', f'token "default" {{\n    {parameter}'))
    broker.wait_token(lambda token: token["state"] == "valid" and token["generation"] > before, timeout=30)


def _hangs_in_answer(fault):
    def start(world, server, broker, _):
        requests = server.requests()
        server.order("token", fault=fault)
        _start_refresh(world)
        server.wait_requests(requests + 1)
    return start


def _hangs_in_revocation(world, server, broker, _):
    requests = server.requests("revoke")
    server.order("revoke", fault="stall")
    wait_until(lambda: world.cli("revoke", "default", "--wait", "0").status == 0, 60, "a revocation")
    server.wait_requests(requests + 1, "revoke")


def _hangs_before_sending(world, server, broker, text):
    """Connected, and nothing comes back; with https the handshake is not over, so nothing was sent."""
    with _silent_address() as port:
        _use(world, broker, text.replace(f":{server.port}/", f":{port}/"))
        wait_until(lambda: holders(broker.pid, SECRET), 60, "a request")
        yield


WAYS = (_hangs_in_answer("stall"), _hangs_in_answer("stall_headers"), _hangs_before_sending, _hangs_in_revocation)


def stalls(method, scheme):
    def prove(case, world, rounds):
        server, broker = marked(world, method, scheme, connect_timeout=60, request_timeout=60)
        text = world.config_path.read_text(encoding="utf-8")
        found = []
        for start in WAYS * rounds:
            held = start(world, server, broker, text)
            if held is not None:
                next(held)
            time.sleep(SETTLE_S)
            found.append(holders(broker.pid, *pieces(*forms(SECRET))))
            _give_up(world, server, broker, text)
            if held is not None:
                held.close()
        held = [mapping for each in found for mapping in each]
        unlocked = [mapping.name for mapping in held if "lo" not in mapping.flags]
        dumped = [mapping.name for mapping in held if "dd" not in mapping.flags]
        case.each("requests that hang in answer, headers, connecting, revocation", len(found), len(WAYS) * rounds)
        case.row("  pieces of the secret in memory", len(held), all(found))
        case.none("  of them in memory that can be swapped" + _names(unlocked), len(unlocked))
        case.none("  of them in memory that a core file holds" + _names(dumped), len(dumped))
        case.each("the broker ended well", int(broker.stop(30) == 0), 1)
    return prove


def _names(places):
    return "".join(f" [{place}]" for place in sorted(set(places)))


def core_files(case, world, rounds):
    """What root gets with gdb's gcore, which leaves out what the kernel would leave out."""
    server, broker = marked(world, connect_timeout=60, request_timeout=60)
    path = http_server.write_access_token(world, ACCESS_TOKEN)
    with open(world.config_path, "a", encoding="utf-8") as config:
        config.write("http {\n" + "\n".join(_lines(http_server.section(world, access_token_file=path))) + "\n}\n")
    http = http_server.start(world).wait_ready()
    text = world.config_path.read_text(encoding="utf-8")
    counts = {"secret": 0, "token": 0, "access token": 0}
    for _ in range(rounds):
        requests = server.requests()
        server.order("token", fault="stall")
        _start_refresh(world)
        server.wait_requests(requests + 1)
        assert holders(broker.pid, SECRET), "the secret is in memory"
        assert holders(http.pid, ACCESS_TOKEN), "so is the access token"
        core = dump(broker.pid, world.directory / "core")
        counts["secret"] += sum(map(core.count, SECRET_PIECES))
        counts["token"] += core.count(CANARY)
        core = dump(http.pid, world.directory / "core")
        counts["access token"] += sum(core.count(piece.encode()) for piece in pieces(ACCESS_TOKEN))
        _give_up(world, server, broker, text)
    case.row("core files of the broker with a request under way, and of httpd", 2 * rounds)
    for name, number in counts.items():
        case.none(f"  pieces of the {name}", number)
    case.each("both ended well", int(broker.stop() == 0) + int(http.terminate() == 0), 2)


def _lines(keys):
    for key, value in keys.items():
        text = "{" + ", ".join(f'"{item}"' for item in value) + "}" if isinstance(value, list) else f'"{value}"'
        yield f"    {key} = {text}"
