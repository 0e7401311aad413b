# SPDX-License-Identifier: MIT
"""Pages of other sites in an administrator's browser. What they make it send has all the rights that there are, so
that nothing but its Origin, Host or Content-Type can be the reason for which it is refused."""

import http_server
from attack_control import COMMANDS
from attack_http import ACCESS_TOKEN
from http_server import bearer, header
from tb import wait_until

# What gives a request its rights, and whether it comes over the Unix socket: there it is root that asks.
PLACES = {"access token over TCP": (bearer(ACCESS_TOKEN), False), "root over the Unix socket": ([], True)}
ORIGINS = ["http://evil.example", "null", "https://localhost.evil.example", "http://localhost:1", "file://"]
HOSTS = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8437"]
FORMS = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
FOREIGN = header("Origin", ORIGINS[0])
PREFLIGHT = ["--request", "OPTIONS", *FOREIGN, *header("Access-Control-Request-Method", "POST"),
             *header("Access-Control-Request-Headers", "authorization")]
READABLE = ("/", "/livez", "/readyz", "/metrics", "/v1/status", "/v1/tokens/default")


def _path(command):
    return f"/v1/tokens/default/{command}"


def _foreign(http, place):
    """(what is foreign, the status that refuses it, lists of headers)."""
    yield "Origin", 403, [header("Origin", origin) for origin in (*ORIGINS, f"{http.base}.evil.example")]
    yield "Content-Type", 415, [header("Content-Type", kind) for kind in FORMS]
    if not PLACES[place][1]:  # over the Unix socket every Host is good
        # Of a name that its owner made lead here: its page's Origin is the Host.
        yield "Host", 421, [[*header("Host", host), *header("Origin", f"http://{host}")] for host in HOSTS]


def _commands(http, place, headers):
    rights, unix = PLACES[place]
    return [http.post(_path(command), *rights, *headers, unix=unix) for command in COMMANDS]


def _reads(http, place, headers):
    rights, unix = PLACES[place]
    return [http.ask(path, *rights, *headers, unix=unix) for path in READABLE]


def _tell_refused(under, http, place, rounds):
    """All answers to commands of other sites, and to reads under their names."""
    answers = []
    for what, status, choices in _foreign(http, place):
        asked = [answer for _ in range(rounds) for one in choices for answer in _commands(http, place, one)]
        if what == "Host":
            asked += [answer for one in choices for answer in _reads(http, place, one)]
        under.each(f"{place}, a foreign {what}: {status}", sum(answer.status == status for answer in asked), len(asked))
        answers += asked
    return answers


def _tell_reads(under, http, place):
    """All answers to reads by a page of another site: they are given, and no browser shows them to the page."""
    rights, unix = PLACES[place]
    reads = _reads(http, place, FOREIGN)
    under.each(f"{place}, read for a foreign Origin: 200", sum(answer.status == 200 for answer in reads), len(READABLE))
    asked = [http.ask(_path(command), *rights, *PREFLIGHT, unix=unix) for command in COMMANDS]
    under.each("  asked whether a command may come: 405", sum(answer.status == 405 for answer in asked), len(COMMANDS))
    return reads + asked


def _is_framed(answer):
    """Whether a browser would show it in a page of another site, by what new ones or what old ones look at."""
    policy = [directive.strip() for directive in (answer.header("content-security-policy") or "").split(";")]
    return "frame-ancestors 'none'" not in policy or answer.header("x-frame-options") != "DENY"


def _tell_accepted(under, http, place):
    """The same commands without anything foreign: while the one before is under way (409, 429) they are sent again."""
    rights, unix = PLACES[place]
    own = [*header("Origin", "http://localhost" if unix else http.base), *header("Content-Type", "application/json")]
    accepted = 0
    for headers in ([], own):
        for command in ("suspend", "resume", "refresh", "revoke"):
            wait_until(lambda command=command, headers=headers: http.post(
                _path(command), *rights, *headers, unix=unix).status == 202, 20, f"{command} over {place}")
            accepted += 1
    under.each(f"{place}, nothing foreign in the same: 202", accepted, 2 * len(COMMANDS))


def foreign_pages(case, world, rounds):
    server = world.auth_server()
    path = http_server.write_access_token(world, ACCESS_TOKEN)
    broker, http = http_server.serve(world, server, http={"access_token_file": path}, retry_min=1)
    generation = world.segment().current().generation
    under = case.under("P22")
    answers = [answer for place in PLACES for answer in _tell_refused(under, http, place, rounds)]
    answers += [answer for place in PLACES for answer in _tell_reads(under, http, place)]
    under.none("  answers that a page of another site is let read",
               sum(answer.header("access-control-allow-origin") is not None or
                   answer.header("cross-origin-resource-policy") != "same-origin" for answer in answers))
    under.none("  that can be framed", sum(map(_is_framed, answers)))
    pages = [http.ask("/", unix=unix) for _, unix in PLACES.values()]
    under.each("the page itself: 200, and it cannot be framed",
               sum(page.status == 200 and not _is_framed(page) for page in pages), len(pages))
    under.each("the token stayed as it was", int(world.token_status()["state"] == "valid" and
                                                 world.segment().current().generation == generation), 1)
    under.each("  requests at the server", server.requests() + server.requests("revoke"), 1)
    for place in PLACES:
        _tell_accepted(under, http, place)
    under.each("both ended well", int(broker.stop() == 0) + int(http.terminate() == 0), 2)
