# SPDX-License-Identifier: MIT
"""Something else in the place of each file that an administrator writes: the configuration, a drop-in, what they
name. Nothing may hang on it, and each has one outcome."""

import os
from dataclasses import dataclass
from pathlib import Path

import http_server
from attack_names import remove
from attack_runtime import ALL_KINDS
from http_server import HTTP_UID
from tb import BROKER_UID, READER_UID, STRANGER_UID, fingerprint, wait_until

REFUSAL = "reload: nothing has changed: "
CONFIG = 2  # the exit status
GOOD = ("hard link", "symlink")  # to a good file: nobody forbids an administrator to have it elsewhere


@dataclass
class Place:
    path: Path
    good: Path  # a file that would do there
    outcome: str  # refused: no start, exit 2, and the file named; told: no token, and the status names the file
    reason: str = ""  # in the status
    owner: int = -1  # whose file it has to be, if it matters: then another's is as bad


def _write(world, server, tls):
    """A configuration in which each place is in use: the token is in the drop-in. The places."""
    directory = world.directory
    (directory / "conf.d").mkdir()
    access_token = http_server.write_access_token(world, "access-token-of-the-attack-0123456789")
    ca_file = directory / "ca.pem"
    ca_file.write_bytes(tls.ca.read_bytes())
    world.write_config({"default": world.token(server, ca_file=ca_file, allow_http=None, retry_min=1, retry_max=1)})
    world.config_path.rename(directory / "conf.d/50-token.conf")
    world.write_config({}, http=http_server.section(world, access_token_file=access_token))
    places = {
        "the configuration": (world.config_path, "refused"),
        "a drop-in": (directory / "conf.d/50-token.conf", "refused"),
        "client_secret_file": (world.secrets_dir / "default", "told", "secret_unreadable", BROKER_UID),
        "ca_file": (ca_file, "told", "tls"),
        "access_token_file": (access_token, "refused", "", HTTP_UID),
    }
    return {name: Place(path, path.with_name(path.name + ".good"), *rest) for name, (path, *rest) in places.items()}


def _plant(place, make):
    place.path.replace(place.good)
    make(place.path, place.good)


def _put_back(place):
    remove([place.path])
    place.good.replace(place.path)


def _others(path, good):
    """A second name of a stranger's file with the same in it, which the program's group may read: it is the owner
    that is wrong."""
    theirs = good.with_name(good.name + ".theirs")
    theirs.write_bytes(good.read_bytes())
    theirs.chmod(0o640)
    os.chown(theirs, STRANGER_UID, good.stat().st_gid)
    os.link(theirs, path)
    theirs.unlink()


def _is_refused(process, place):
    lines = process.err_lines()
    return process.popen.poll() == CONFIG and len(lines) == 1 and str(place.path) in lines[0]


def _httpd(world, place):
    http = http_server.start(world)
    try:
        http.wait_ready()
    except AssertionError:
        http.end()
        return "refused" if _is_refused(http, place) else http.err()
    return "served" if http.terminate() == 0 else http.err()


def _is_told(token, place):
    error = token["last_error"]
    return error is not None and error["reason"] == place.reason and str(place.path) in error["message"]


def _broker(world, server, place):
    remove([world.runtime_dir / "tokens/default"])  # so that a token has to be fetched
    broker = world.broker()
    try:
        broker.wait_ready(10)
        broker.wait_token(lambda token: token["state"] == "valid" or token["last_error"])
    except AssertionError:
        broker.end()
        return "refused" if _is_refused(broker, place) else broker.err()
    got = world.cli("get", uid=READER_UID)
    token = broker.token_status()
    if broker.stop() != 0:
        return "did not end well"
    if got.status == 0 and fingerprint(got.out.strip()) in server.active():
        return "served"
    return "told" if got.out == "" and _is_told(token, place) else f"{got} {token['last_error']}"


def _start(world, server, place):
    """The one outcome of all programs that read it."""
    outcomes = set()
    if place.owner != HTTP_UID:
        outcomes.add(_broker(world, server, place))
    if place.outcome == "refused":
        outcomes.add(_httpd(world, place))
    return " and ".join(sorted(outcomes))


def _of(place):
    """{kind: expected outcome}."""
    expected = {kind: "served" if kind in GOOD else place.outcome for kind in ALL_KINDS}
    if place.owner >= 0:
        expected["another's hard link"] = place.outcome
    return expected


def at_the_start(case, world, _):
    """Each kind in each place, then a start."""
    world.may_leave_segments = True
    tls = world.tls()
    server = world.auth_server(tls=tls)
    for name, place in _write(world, server, tls).items():
        under = case.under("P21" if name == "access_token_file" else "P2")
        odd, expected = [], _of(place)
        for kind, outcome in expected.items():
            _plant(place, ALL_KINDS.get(kind, _others))
            found = _start(world, server, place)
            _put_back(place)
            if found != outcome:
                odd.append(f"; {kind}: {found}")
        under.each(f"{name}: {place.outcome}, links to a good file: served{''.join(odd)}",
                   len(expected) - len(odd), len(expected))


def _reloaded(broker, place):
    """What comes of a reload: "served" or "told", in the log and in the status."""
    readies, refusals = broker.notifications.lines().count("READY=1"), broker.err().count(REFUSAL)
    broker.reload()
    wait_until(lambda: broker.notifications.lines().count("READY=1") > readies, 10, "the end of the reload")
    if broker.err().count(REFUSAL) == refusals:
        return "served"
    broker.wait_status(lambda status: str(place.path) in (status["config"]["error"] or ""))
    return "told"


def _fetches(token):
    return sum(token["counters"]["fetches"].values())


def _refreshed(world, broker, place):
    """What comes of a refresh; beforehand all was well, so no other is due."""
    before = _fetches(broker.token_status())
    wait_until(lambda: world.cli("refresh", "default", "--wait", "0").status == 0, 10, "a refresh")
    wait_until(lambda: _fetches(broker.token_status()) > before, 10, "the end of a refresh")
    token = broker.token_status()
    if token["consecutive_failures"] == 0:
        return "served"
    return "told" if _is_told(token, place) else str(token["last_error"])


def _heal(broker, place):
    _put_back(place)
    wait_until(lambda: broker.token_status()["consecutive_failures"] == 0, 10, "a good token again")


def while_it_runs(case, world, kinds):
    """The same under a broker that has a token, so many kinds of those that need a refresh: the token stays."""
    tls = world.tls()
    server = world.auth_server(tls=tls)
    places = _write(world, server, tls)
    broker = world.broker().wait_ready()
    broker.wait_token(lambda token: token["state"] == "valid")
    under = case.under("P2")
    for name in ("the configuration", "a drop-in", "client_secret_file", "ca_file"):
        place, odd = places[name], []
        is_read_at_reload = place.outcome == "refused"
        expected = list(_of(place).items())[:None if is_read_at_reload else kinds]
        for kind, outcome in expected:
            _plant(place, ALL_KINDS.get(kind, _others))
            try:
                found = _reloaded(broker, place) if is_read_at_reload else _refreshed(world, broker, place)
            except AssertionError as error:
                found = str(error)
            _heal(broker, place)
            is_kept = world.cli("get", uid=READER_UID).status == 0
            if not is_kept or found != ("served" if outcome == "served" else "told"):
                odd.append(f"; {kind}: {found}, {is_kept}")
        under.each(f"{name}: told, the token kept{''.join(odd)}", len(expected) - len(odd), len(expected))
    under.at_most("  longest turn of the loop, ms", broker.status()["loop"]["longest_ms"], 2000)
    under.each("the broker ended well", int(broker.stop() == 0), 1)
