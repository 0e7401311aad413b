# SPDX-License-Identifier: MIT
"""Everything that the programs write, say and are started with, searched for the secret and for tokens."""

import os
from pathlib import Path

import http_server
from hygiene_rest import CANARY, SECRET, SECRET_PIECES, TEST_TOKEN, leave_in_heap
from memory import copies, forms, pieces
from tb import READER_UID, wait_until

ACCESS_TOKEN = "access-token-of-the-hygiene-0123456789"
PATHS = ("/", "/livez", "/readyz", "/readyz?verbose", "/readyz/default", "/metrics", "/v1/status", "/v1/tokens/default",
         "/v1/tokens/unknown", "/nothing")
TALK = (("status",), ("status", "--json"), ("info",), ("info", "--json"), ("wait", "--timeout", "1"),
        ("reject", "default", "1"),
        ("get", "unknown"), ("--help",), ("--version",))
ODD = ({"odd": "html"}, {"odd": "not_json"}, {"odd": "number_token"}, {"odd": "token_with_newline"},
       {"echo_secret": True, "status": 401}, {"echo_secret": True, "status": 500}, {"status": 503}, {"fault": "reset"})


def _start(world):
    server = world.auth_server()
    server.settings(canary=CANARY.decode())
    server.set_client(client_secret=SECRET)
    world.write_secret(secret=SECRET)
    path = http_server.write_access_token(world, ACCESS_TOKEN)
    world.write_config({"default": world.token(server, retry_min=1, retry_max=2)}, log_level="debug",
                       http=http_server.section(world, access_token_file=path))
    broker = world.broker().wait_ready()
    broker.wait_token(lambda token: token["state"] == "valid")
    return server, broker, http_server.start(world).wait_ready()


def _story(world, server, broker, http):
    """All that can happen to a token; what was said meanwhile, over HTTP and by the command line."""
    said = []

    def look():
        said.extend(f"{answer.headers}{answer.text()}" for answer in (http.ask(path, unix=True) for path in PATHS))
        said.extend(result.out + result.err for result in (world.cli(*words, uid=READER_UID) for words in TALK))

    for order in ODD:
        server.order("token", **order)
        failed = broker.token_status()["counters"]["fetches"]["failed"]
        wait_until(lambda: world.cli("refresh", "default", "--wait", "0").status == 0, 20, "a refresh")
        broker.wait_token(lambda token, failed=failed: token["counters"]["fetches"]["failed"] > failed)
        look()
        server.clear_orders()
    server.order("revoke", echo_secret=True, status=401)
    for command in ("revoke", "suspend", "resume", "refresh"):
        wait_until(lambda command=command: said.append(world.cli(command, "default").err) or "already" not in said[-1]
                   and world.cli("status").status == 0, 20, command)
        look()
    broker.signal(1)
    look()
    return "\n".join(said).encode()


def _files(world):
    """(name, bytes) of every file of the programs, but those that are to hold a secret or a token."""
    kept = {world.secrets_dir, world.directory / "access-token"}
    for path in world.directory.rglob("*"):
        if path.is_file() and not path.is_symlink() and not kept & {path, *path.parents}:
            yield str(path.relative_to(world.directory)), path.read_bytes()


def _of_process(process):
    for name in ("cmdline", "environ", "comm", "status", "maps", "mountinfo", "limits"):
        yield f"{process.name} {name}", Path(f"/proc/{process.pid}/{name}").read_bytes()
    links = [os.readlink(entry) for entry in Path(f"/proc/{process.pid}/fd").iterdir()]
    yield f"{process.name} fd", "\n".join(links).encode()


def _in_memory(process):
    """Names of mappings with the secret, a token or a piece of either."""
    return copies(process.pid, CANARY.decode(), *pieces(*forms(SECRET)))


def everything_written(case, world, _):
    """The programs at log_level = debug through a whole story."""
    server, broker, http = _start(world)
    said = _story(world, server, broker, http)
    places = dict([("answers of HTTP and of the command line", said), *_of_process(broker), *_of_process(http)])
    in_httpd = _in_memory(http)
    planted = [leave_in_heap(world, "freed", text) for text in (SECRET, TEST_TOKEN.decode())]
    found = sum(bool(_in_memory(process)) for process in planted)
    has_ended = int(broker.stop() == 0) + int(http.terminate() == 0)
    places.update(_files(world))
    texts = [CANARY, *(piece.encode() for piece in pieces(ACCESS_TOKEN)), *SECRET_PIECES]
    hits = sorted(f"{name}" for name, data in places.items() for text in texts if text in data)
    case.row("places: files, logs, answers, arguments, environments, descriptors", len(places), len(places) > 20)
    case.row("  bytes in them", sum(map(len, places.values())), b"[redacted]" in said)
    case.none("  with the secret, the access token or a token" + "".join(f" [{name}]" for name in hits), len(hits))
    case.none("pieces of secret or token in the memory of httpd", len(in_httpd))
    case.each("  found where a freed block holds a secret, or a token", found, 2)
    case.each("both ended well", has_ended, 2)
