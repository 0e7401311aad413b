# SPDX-License-Identifier: MIT
"""tokenbroker-httpd when what it reads is broken and when it is killed; and what it can never tell."""

import json
import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import http_server
from http_server import HTTP_UID, metrics
from memory import copies, forms, pieces
from tb import CLIENT_SECRET, STRANGER_UID, as_uid, wait_until
from test_secrets import CANARY, SECRET

ACCESS_TOKEN = "access-token-of-the-tests-0123456789"
READS = ("/", "/livez", "/readyz", "/readyz?verbose", "/readyz/default", "/metrics", "/v1/status",
         "/v1/tokens/default")
NEED_THE_DOCUMENT = ("/readyz", "/readyz/default", "/v1/status", "/v1/tokens/default", "/v1/events")


# A document that is wrong

def text_of(change):
    """Puts other bytes in the place of the document."""
    def damage(world, path, good):
        new = path.with_name("new")
        new.write_bytes(change(good))
        world.give(new)
        new.rename(path)
    return damage


def member(name, value):
    """The document with one member changed; name: "pid", or "tokens.state" of its token."""
    def change(good):
        document = json.loads(good)
        place = document["tokens"][0] if name.startswith("tokens.") else document
        place[name.removeprefix("tokens.")] = value
        return json.dumps(document).encode()
    return text_of(change)


def instead(make):
    def damage(world, path, good):
        path.unlink()
        make(path)
        if not path.is_symlink():
            world.give(path)
    return damage


def copied_link(path):
    copy = path.with_name("copy")
    copy.write_bytes(b"{}")
    path.symlink_to(copy)


def of_a_stranger(world, path, good):
    text_of(lambda same: same)(world, path, good)
    os.chown(path, STRANGER_UID, STRANGER_UID)


DAMAGED = {
    "empty": text_of(lambda good: b""),
    "half": text_of(lambda good: good[:len(good) // 2]),
    "cut by one": text_of(lambda good: good.rstrip()[:-1]),
    "no JSON": text_of(lambda good: b"good morning\n"),
    "binary": text_of(lambda good: bytes(range(256)) * 16),
    "an array": text_of(lambda good: b"[]"),
    "null": text_of(lambda good: b"null"),
    "empty object": text_of(lambda good: b"{}"),
    "very deep": text_of(lambda good: b"[" * 1000000),
    "nul inside": text_of(lambda good: good.replace(b'"valid"', b'"val\0id"')),
    "no UTF-8": text_of(lambda good: good.replace(b'"valid"', b'"val\xff"')),
    "more behind": text_of(lambda good: good + b"{}"),
    "pid in words": member("pid", "one"),
    "tokens no array": member("tokens", {}),
    "token no object": member("tokens", [7]),
    "unknown state": member("tokens.state", "excellent"),
    "name no name": member("tokens.name", "../../etc"),
    "time no time": member("tokens.expires_at", "tomorrow"),
    "counters in words": member("tokens.counters", "many"),
}
OTHERS = {
    "missing": (lambda world, path, good: path.unlink(), "there is no status.json"),
    "huge": (text_of(lambda good: good + b" " * (17 << 20)), "too large"),
    "link": (instead(copied_link), "not believed"),
    "link to nothing": (instead(lambda path: path.symlink_to("/nonexistent")), "not believed"),
    "fifo": (instead(os.mkfifo), "not believed"),
    "directory": (instead(os.mkdir), "not believed"),
}


@contextmanager
def spoilt(world, server, damage):
    """A server whose broker has stopped writing, with a damaged document; made right at the end."""
    broker, http = http_server.serve(world, server)
    path = world.runtime_dir / "status.json"
    good = path.read_bytes()
    broker.signal(signal.SIGSTOP)
    try:
        damage(world, path, good)
        yield http
        kept = path.with_name("kept")
        kept.write_bytes(good)
        world.give(kept)
        if path.is_dir():
            path.rmdir()
        kept.rename(path)
        assert http.ask("/livez").text() == http.ask("/readyz").text() == "ok\n", "back at once"
        assert http.status() == json.loads(good)
    finally:
        broker.signal(signal.SIGCONT)


def assert_says_why(http, reason, is_up):
    """is_up: there is a heartbeat, on a document that nobody can read."""
    for path in NEED_THE_DOCUMENT:
        if not path.startswith("/readyz"):
            assert reason in http.ask(path).problem(503)
        assert http.ask(path).problem(503)
        head = http.ask(path, "--head")
        assert (head.status, head.body) == (503, b"")
    answer = http.ask("/metrics")
    assert answer.status == 200
    assert {name.partition("{")[0]: value for name, value in metrics(answer.text()).items()} == {
        "tokenbroker_build_info": 1, "tokenbroker_up": 0}
    assert http.ask("/livez").status == (200 if is_up else 503)
    assert http.ask("/").status == 200


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_document_is_told_and_nothing_of_it_is_shown(world, server, name):
    with spoilt(world, server, DAMAGED[name]) as http:
        assert_says_why(http, "is damaged: ", is_up=True)


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_document_of_the_broker_is_not_read(world, server, name):
    damage, reason = OTHERS[name]
    with spoilt(world, server, damage) as http:
        assert_says_why(http, reason, is_up=False)


@pytest.mark.needs_root
def test_a_document_of_another_user_is_not_believed(world, server):
    with spoilt(world, server, of_a_stranger) as http:
        assert_says_why(http, "not believed", is_up=False)


@pytest.mark.needs_root
def test_a_runtime_directory_that_others_may_write_is_not_believed(world, server):
    _, http = http_server.serve(world, server)
    world.runtime_dir.chmod(0o777)
    assert "not believed" in http.ask("/v1/status").problem(503)
    assert http.post("/v1/tokens/default/suspend", unix=True).problem(503)
    world.runtime_dir.chmod(0o755)
    assert http.ask("/v1/status").status == 200
    assert world.token_status()["state"] == "valid"


def test_a_document_with_more_members_than_it_knows_is_passed_on_with_them(world, server):
    with spoilt(world, server, member("colour", {"of": ["the", "future"]})) as http:
        assert http.status()["colour"] == {"of": ["the", "future"]}


def test_before_the_first_broker_it_serves_and_says_what_is_missing(world, server):
    world.write_config({"default": world.token(server)}, http=http_server.section(world))
    http = http_server.start(world).wait_ready()
    assert "is tokenbrokerd running" in http.ask("/v1/status").problem(503)
    assert http.ask("/livez").problem(503)
    assert http.post("/v1/tokens/default/suspend", unix=True).problem(503)
    world.broker().wait_ready()
    assert http.ask("/livez").text() == "ok\n" and http.ask("/v1/status").status == 200


def test_who_watches_events_gets_nothing_damaged(world, server):
    broker, http = http_server.serve(world, server)
    path = world.runtime_dir / "status.json"
    good = path.read_bytes()
    watching = world.process(http.command("/v1/events", "--no-buffer"), "curl")
    wait_until(lambda: "data: " in watching.out(), what="an event")
    broker.signal(signal.SIGSTOP)
    try:
        DAMAGED["half"](world, path, good)
        assert http.ask("/v1/status").status == 503
        changed = json.loads(good)
        changed["pid"] = 1
        text_of(lambda _: json.dumps(changed).encode())(world, path, good)
        wait_until(lambda: '"pid":1,' in watching.out(), what="the next good one")
    finally:
        broker.signal(signal.SIGCONT)
    documents = [json.loads(line.removeprefix("data: ")) for line in watching.out().splitlines()
                 if line.startswith("data: ")]
    assert documents[0] == json.loads(good) and changed in documents


# Killed

LOAD = 'while curl --disable --silent --output /dev/null --retry 3 --unix-socket "$0" "$@"; do :; done'


def test_killed_under_load_it_is_missed_by_no_broker_and_no_reader(world, server, cli):
    server.settings(expires_in=8)
    broker, http = http_server.serve(world, server)
    for path in ("/v1/status", "/metrics", "/v1/events"):
        world.process(["sh", "-c", LOAD, http.socket_path, f"http://localhost{path}"], "load")
    errors = broker.err()
    for _ in range(5):
        for path in READS:
            assert http.ask(path).status == 200
        http.kill()
        assert cli("get", uid=world.reader_uid).status == 0
        assert cli("status").status == 0
        began = time.monotonic()
        http = http_server.start(world).wait_ready()
        assert http.ask("/v1/status").status == 200 and http.ask("/readyz").text() == "ok\n"
        assert time.monotonic() - began < 5
    generation = broker.token_status()["generation"]
    broker.wait_token(lambda token: token["generation"] > generation)
    assert broker.err() == errors, "the broker has nothing to say about it"


def test_killed_during_a_command_it_leaves_a_broker_that_has_done_it_or_not(world, server):
    broker, http = http_server.serve(world, server)
    broker.signal(signal.SIGSTOP)
    asking = world.process(http.command("/v1/tokens/default/suspend", "--request", "POST", unix=True), "curl")
    wait_until(lambda: "control.sock" in waiting_sockets(), what="the command at the broker")
    http.kill()
    broker.signal(signal.SIGCONT)
    assert asking.wait() != 0
    http = http_server.start(world).wait_ready()
    for command, state in (("resume", "valid"), ("suspend", "suspended")):
        wait_until(lambda command=command: http.post(
            f"/v1/tokens/default/{command}", unix=True).status == 202, what=command)
        broker.wait_token(lambda token, state=state: token["state"] == state)


def waiting_sockets():
    """Names of sockets with connections that wait to be accepted."""
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as table:
        rows = [line.split() for line in table]
    return " ".join(row[-1] for row in rows if row[5] == "02")


# What it can never tell

def everything_asked(world, server):
    """(broker, http) after every request there is, with marks in secret, token and access token."""
    server.settings(canary=CANARY)
    server.set_client(client_secret=SECRET)
    world.write_secret(secret=SECRET)
    path = http_server.write_access_token(world, ACCESS_TOKEN)
    broker, http = http_server.serve(world, server, http={"access_token_file": path})
    answers = [http.ask(path, unix=True) for path in READS]
    for command in ("suspend", "resume", "refresh", "revoke"):
        wait_until(lambda command=command: answers.append(http.post(
            f"/v1/tokens/default/{command}", unix=True)) or answers[-1].status == 202, what=command)
        broker.wait_token(lambda token: token["state"] in ("valid", "suspended"))
    server.order("token", echo_secret=True, status=401, count=1)
    wait_until(lambda: http.post("/v1/tokens/default/refresh", unix=True).status == 202, what="a refresh")
    broker.wait_token(lambda token: token["last_error"] is not None)
    answers += [http.ask(path, unix=True) for path in READS]
    assert "[redacted]" in answers[-1].text()
    return broker, http, answers


def test_no_answer_and_no_log_line_holds_a_secret_or_a_token(world, server):
    _, http, answers = everything_asked(world, server)
    told = http.err() + "".join(f"{answer.headers}{answer.text()}" for answer in answers)
    for text in (CANARY, ACCESS_TOKEN, *forms(SECRET)):
        assert text not in told


@pytest.mark.needs_root
@pytest.mark.needs_plain_build
def test_its_memory_holds_neither_secret_nor_token(world, server):
    _, http, _ = everything_asked(world, server)
    assert copies(http.pid, "fetch_duration"), "the scan finds what is there"
    assert copies(http.pid, CANARY, CLIENT_SECRET, *pieces(*forms(SECRET))) == []


@pytest.mark.needs_root
def test_its_user_can_open_neither_secret_nor_token(world, server):
    broker, http = http_server.serve(world, server)
    for path in (world.secrets_dir, world.secrets_dir / "default", world.segment_path(),
                 world.state_dir, world.runtime_dir / "lock", f"/proc/{broker.pid}/mem"):
        with pytest.raises(AssertionError, match="PermissionError"):
            as_uid(HTTP_UID, os.open, path, os.O_RDONLY)
    opened = {os.readlink(entry) for entry in Path(f"/proc/{http.pid}/fd").iterdir()}
    assert not [path for path in opened if "tokenbroker." in path or str(world.secrets_dir) in path]
    maps = Path(f"/proc/{http.pid}/maps").read_text(encoding="ascii")
    assert "/dev/shm" not in maps


@pytest.mark.needs_root
def test_another_user_sees_nothing_of_its_memory(world, server):
    """The access token is in it; so it is not dumpable even for its own user."""
    _, http = http_server.serve(world, server)
    with pytest.raises(AssertionError, match="PermissionError"):
        as_uid(HTTP_UID, os.open, f"/proc/{http.pid}/mem", os.O_RDONLY)
    limits = Path(f"/proc/{http.pid}/limits").read_text(encoding="ascii")
    assert [line for line in limits.splitlines() if line.startswith("Max core file size")][0].split()[4:6] \
        == ["0", "0"]
