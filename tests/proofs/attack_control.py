# SPDX-License-Identifier: MIT
"""Who has no right to something asks for it in every way; and floods the place where one asks."""

import errno
import json
import sys
import time

import control
import http_server
from http_server import HTTP_UID
from proof import Readers
from tb import OTHER_READER_UID, READER_UID, STRANGER_UID, Library, as_uid, environment, wait_until

COMMANDS = {"refresh": control.REFRESH, "revoke": control.REVOKE, "suspend": control.SUSPEND, "resume": control.RESUME}
ORIGINS = [{}, {"origin": control.USER, "uid": 0},
           {"origin": control.USER, "uid": READER_UID, "gid": 0, "groups": (0,)},
           {"origin": control.ACCESS_TOKEN}]


def asks_library(world, library):
    """What the library hands out to this user, the name of its error if nothing."""
    with environment(TOKENBROKER_RUNTIME_DIR=str(world.runtime_dir)):
        r, handle = library.try_open("default")
    if handle is not None:
        handle.close()
    return errno.errorcode.get(-r, "ok")


def _result(world, number, **fields):
    """Of a command. There is no answer where a busy machine lets the message come later than the broker waits."""
    return wait_until(lambda: control.command(world.runtime_dir, number, **fields), 60, "an answer").result


def _result_as(uid, world, number, **fields):
    return as_uid(uid, lambda: _result(world, number, **fields))


def _asks_control(world, generation, is_reader):
    """Results of commands and of rejections, as oneself and in the names of others."""
    asked = [(number, fields) for number in COMMANDS.values() for fields in ORIGINS]
    asked += [(control.REJECT, {"generation": generation, **fields}) for fields in ORIGINS[is_reader:]]
    return [_result(world, number, **fields) for number, fields in asked]


def without_rights(case, world, rounds):
    """A stranger, a reader of this token, one of another token, httpd's user: all operations there are."""
    server = world.auth_server()
    tokens = {"default": world.token(server), "other": world.token(server, "other", readers=[str(OTHER_READER_UID)])}
    broker, http = http_server.serve(world, server, tokens=tokens)
    library = Library(world.build)
    generation = broker.token_status()["generation"]
    under = case.under("P1")
    for who, uid in (("a stranger", STRANGER_UID), ("a reader of another token", OTHER_READER_UID),
                     ("httpd's user", HTTP_UID)):
        opened = [as_uid(uid, asks_library, world, library) for _ in range(rounds)]
        under.each(f"{who}: the library says EACCES", opened.count("EACCES"), rounds)
        shown = [world.cli("get", uid=uid) for _ in range(rounds)]
        under.each("  the command line prints nothing, exit 7", sum(r.status == 7 and r.out == "" for r in shown),
                   rounds)
    for who, uid in (("a stranger", STRANGER_UID), ("a reader", READER_UID)):
        is_reader = uid == READER_UID
        got = [result for _ in range(rounds) for result in as_uid(uid, _asks_control, world, generation, is_reader)]
        under.each(f"{who}: commands, in its own name and in others': denied", got.count("denied"), len(got))
        paths = [f"/v1/tokens/default/{command}" for command in COMMANDS] * rounds
        by_unix = [http.post(path, unix=True, uid=uid).status for path in paths]
        case.under("P20").each("  commands over HTTP, Unix socket: 403", by_unix.count(403), len(paths))
        by_tcp = [http.post(path, uid=uid).status for path in paths]
        case.under("P21").each("  commands over HTTP, TCP without an access token: 403", by_tcp.count(403), len(paths))
    for who, uid in (("a reader", READER_UID), ("a reader of another token", OTHER_READER_UID)):
        result = _result_as(uid, world, control.REJECT, generation=generation + 1)
        expected = "invalid" if uid == READER_UID else "denied"
        under.each(f"{who} rejects what never was: {expected}", int(result == expected), 1)
    under.each("nothing happened: requests at the server", server.requests() + server.requests("revoke"), len(tokens))
    under.each("both ended well", int(broker.stop() == 0) + int(http.terminate() == 0), 2)


def broken_httpd(case, world, rounds):
    """Whoever took over tokenbroker-httpd speaks in the names of others: what it can, each with its line."""
    server = world.auth_server()
    broker, http = http_server.serve(world, server, retry_min=1)
    under = case.under("P19")
    accepted = 0
    for _ in range(rounds):
        for number in (control.SUSPEND, control.RESUME):
            accepted += _result_as(HTTP_UID, world, number, origin=control.USER) == "accepted"
    lines = sum(f"by uid 0 via tokenbroker-httpd (uid {HTTP_UID}): accepted" in line for line in broker.err_lines())
    under.each("commands in root's name, which the broker must believe", accepted, 2 * rounds)
    under.each("  lines in the log that say who passed them on", lines, 2 * rounds)
    broker.wait_token(lambda token: token["state"] == "valid")
    own = [_result_as(HTTP_UID, world, number) for number in COMMANDS.values() for _ in range(rounds)]
    under.each("commands in its own name: denied", own.count("denied"), len(own))
    generation = broker.token_status()["generation"]
    rejections = [_result_as(HTTP_UID, world, control.REJECT, generation=generation, origin=origin)
                  for origin in (control.SELF, control.ACCESS_TOKEN) for _ in range(rounds)]
    under.each("rejections: denied", rejections.count("denied"), len(rejections))
    case.under("P18").each("the token, asked for by the library: EACCES",
                           int(as_uid(HTTP_UID, asks_library, world, Library(world.build)) == "EACCES"), 1)
    under.each("both ended well", int(broker.stop() == 0) + int(http.terminate() == 0), 2)


# Each kind of connection and message that somebody can come up with, as fast as it goes.
FLOOD = """
import array, itertools, json, os, random, signal, socket, sys, time
path, good = sys.argv[1], bytes.fromhex(sys.argv[2])
counts = {}
signal.signal(signal.SIGTERM, lambda *_: (print(json.dumps(counts), flush=True), os._exit(0)))
pair, held = socket.socketpair(), []
lingering = socket.socket(); lingering.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\\1\\0\\0\\0\\5\\0\\0\\0")
def descriptors(connection):
    passed = array.array("i", [pair[0].fileno(), lingering.fileno(), 0] * 20)
    connection.sendmsg([good], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
def alone(connection):
    connection.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [pair[1].fileno()] * 250))])
KINDS = {
    "well-formed": lambda c: c.send(good),
    "twice": lambda c: (c.send(good), c.send(good)),
    "short": lambda c: c.send(good[:random.randrange(1, 511)]),
    "long": lambda c: c.send(good + bytes(random.randrange(1, 4000))),
    "empty": lambda c: c.send(b""),
    "noise": lambda c: c.send(os.urandom(512)),
    "with descriptors": descriptors,
    "descriptors alone": alone,
    "half open": lambda c: c.shutdown(socket.SHUT_WR),
    "half closed after": lambda c: (c.send(good), c.shutdown(socket.SHUT_RDWR)),
    "silent": lambda c: None,
}
print("flooding", flush=True)
for name, act in itertools.cycle(KINDS.items()):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.setblocking(False)
    held = held[-100:] + [connection]
    try:
        connection.connect(path)
    except OSError:
        counts["queue"] = counts.get("queue", 0) + 1
        time.sleep(0.002)
        continue
    counts[name] = counts.get(name, 0) + 1
    try:
        act(connection)
    except OSError:
        pass  # closed already; or the kernel lets nobody pass descriptors (SO_PASSRIGHTS)
"""


def _flooders(world, generation, uids):
    message = control.pack(control.REJECT, generation=generation - 1).hex()
    started = [world.process([sys.executable, "-c", FLOOD, world.runtime_dir / "control.sock", message], "flood",
                             uid=uid)
               for uid in uids]
    for flooder in started:
        wait_until(lambda flooder=flooder: "flooding" in flooder.out(), 10, "the flood")
    return started


def _served(world, http, seconds):
    """While it lasts: (commands of the administrator done, HTTP statuses of others, rejections of a reader
    answered, slowest ms)."""
    commands = rejections = slowest_ms = 0
    statuses = []
    end = time.monotonic() + seconds
    while time.monotonic() < end or min(commands, rejections) == 0:
        began = time.monotonic()
        wait_until(lambda: world.cli("refresh", "default").status == 0, 60, "a refresh in the flood")
        commands += 1
        statuses.append(http.post("/v1/tokens/default/refresh", unix=True).status)
        stale = world.segment().current().generation - 1
        wait_until(lambda stale=stale: world.cli("reject", "default", str(stale), uid=READER_UID).status == 0, 60,
                   "an answer in the flood")
        rejections += 1
        slowest_ms = max(slowest_ms, round((time.monotonic() - began) * 1000))
    return commands, statuses, rejections, slowest_ms


def flood(case, world, seconds):
    """Three users flood the control socket; an administrator and another reader are served. The third, who has
    taken over httpd's user, comes later: it takes that user's places, and so keeps out commands over HTTP alone."""
    server = world.auth_server()
    readers = [str(READER_UID), str(OTHER_READER_UID)]
    broker, http = http_server.serve(world, server, readers=readers, retry_min=1)
    watching = Readers(world)
    generation = broker.token_status()["generation"]
    flooders = _flooders(world, generation, (OTHER_READER_UID, STRANGER_UID))
    served = [_served(world, http, seconds / 2)]
    statuses = served[0][1]
    flooders += _flooders(world, generation, (HTTP_UID,))
    served.append(_served(world, http, seconds / 2))
    commands, rejections = (sum(part[i] for part in served) for i in (0, 2))
    slowest_ms = max(part[3] for part in served)
    assert all(flooder.is_running() for flooder in flooders)
    sent = {}
    for flooder in flooders:
        flooder.terminate()
        for name, number in json.loads(flooder.out().splitlines()[-1]).items():
            sent[name] = sent.get(name, 0) + number
    full = sent.pop("queue", 0)
    under = case.under("P14")
    under.row("connections of three users, of eleven kinds", sum(sent.values()), len(sent) == 11)
    under.row("  and turned away by a full queue", full)
    under.row("commands of an administrator meanwhile", commands, commands > 0)
    under.each("  over HTTP, in the flood of the first two: 202, 409 or 429",
               sum(status in (202, 409, 429) for status in statuses), len(statuses))
    under.row("rejections of another reader answered", rejections, rejections > 0)
    under.at_most("  slowest round of these, with knocking again, ms", slowest_ms, 10000)
    under.at_most("  longest turn of the loop, ms", broker.status()["loop"]["longest_ms"], 2000)
    under.none("  pauses of accepting, for whom the log would blame a client",
               sum("connections wait" in line for line in broker.err_lines()))
    under.each("  a health check by HTTP", int(http.ask("/livez").status == 200), 1)
    watching.tell(case.under("P13"))
    wait_until(lambda: world.cli("suspend", "default").status == 0, 20, "a command after the flood")
    under.each("both ended well", int(broker.stop() == 0) + int(http.terminate() == 0), 2)
