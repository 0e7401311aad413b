# SPDX-License-Identifier: MIT
"""What people, files and token servers get wrong: said clearly, and no good token is lost by it."""

import os
import time
from datetime import datetime, timedelta

import pytest

from tb import CLIENT_SECRET, STRANGER_UID, fingerprint, wait_until

# Answers of a token server, by their names in tests/support/authorization/odd_body.c, and what the
# status calls them.
REFUSED_ANSWERS = {
    "html": "bad_response",
    "html_503": "http",
    "empty": "bad_response",
    "empty_403": "http",
    "empty_500": "http",
    "not_json": "bad_response",
    "array": "bad_response",
    "null": "bad_response",
    "no_access_token": "bad_response",
    "empty_token": "bad_response",
    "number_token": "bad_response",
    "error_in_200": "invalid_client",
    "unknown_error": "oauth_other",
    "number_error": "http",
    "problem_json": "http",
    "ugly_description": "invalid_request",
    "long_description": "invalid_request",
    "token_with_space": "bad_response",
    "token_with_newline": "bad_response",
    "token_with_nul": "bad_response",
    "mac_type": "bad_response",
    "no_token_type": "bad_response",
    "too_long_token": "bad_response",
    "huge_body": "bad_response",
    "deep": "bad_response",
    "endless": "bad_response",
    "many_headers": "bad_response",
    "truncated": "network",
}
GOOD_ANSWERS = ["lower_case_bearer", "with_refresh_token", "expires_string", "expires_float",
                "duplicate_member", "expires_absent"]
ODD_LIFETIMES = ["expires_text", "expires_zero", "expires_negative", "expires_huge"]
# What a terminal would obey, and a log reader: both are in an answer above.
NEVER_SHOWN = ["\x1b", "\r", "\0", "\n<3>"]


def client_of(name):
    return f"client-{name}"


def configure_one_token_for_each(world, server, answers, **keys):
    for name in answers:
        server.set_client(client_of(name))
    world.write_config({name: world.token(server, name, client_id=client_of(name), **keys)
                        for name in answers})


def valid_tokens(world, answers, broker):
    status = broker.wait_status(
        lambda status: all(token["state"] == "valid" for token in status["tokens"]))
    return {token["name"]: token for token in status["tokens"] if token["name"] in answers}


def order_refresh(world, name="default"):
    wait_until(lambda: world.cli("refresh", name, "--wait", "0").status == 0, 10, f"a refresh of {name}")


def get(world, name="default"):
    result = world.cli("get", name, uid=world.reader_uid)
    return fingerprint(result.out.strip()) if result.status == 0 else result.status


def test_each_odd_answer_has_its_reason_and_costs_no_good_token(world, server, cli):
    configure_one_token_for_each(world, server, REFUSED_ANSWERS, retry_max=300)
    broker = world.broker().wait_ready()
    before = valid_tokens(world, REFUSED_ANSWERS, broker)
    for name in REFUSED_ANSWERS:
        server.order("token", odd=name, client_id=client_of(name), count=-1)
        order_refresh(world, name)
    seen = {}
    for name in REFUSED_ANSWERS:
        token = broker.wait_token(lambda token: token["last_error"] is not None, name, 20)
        seen[name] = token["last_error"]["reason"]
        assert token["last_error"]["message"] and token["state"] == "valid"
        assert get(world, name) == token["fingerprint"] == before[name]["fingerprint"], name
    assert seen == REFUSED_ANSWERS
    assert broker.is_running()

    shown = cli("status").out + broker.err()
    for text in NEVER_SHOWN:
        assert text not in shown
    server.clear_orders()
    for name in ("html", "endless", "deep"):
        order_refresh(world, name)
        old = before[name]["generation"]
        broker.wait_token(lambda token, old=old: token["generation"] > old, name)


def test_answers_that_are_only_unusual_are_taken(world, server):
    answers = GOOD_ANSWERS + ODD_LIFETIMES
    for name in answers:
        server.order("token", odd=name, client_id=client_of(name), count=-1)
    configure_one_token_for_each(world, server, answers, default_lifetime=7200)
    broker = world.broker().wait_ready()
    tokens = valid_tokens(world, answers, broker)
    for name in answers:
        assert get(world, name) == tokens[name]["fingerprint"], name
        assert tokens[name]["token_type"] == "Bearer"
    for name in ODD_LIFETIMES + ["expires_absent"]:
        assert lifetime(tokens[name]) == timedelta(seconds=7200), name
    for name in ("expires_string", "expires_float"):
        assert lifetime(tokens[name]) == timedelta(seconds=3600), name
    for name in ODD_LIFETIMES:
        assert f"warning: token {name}: expires_in is" in broker.err()
    order_refresh(world, "expires_zero")
    broker.wait_token(lambda token: token["counters"]["fetches"]["ok"] == 2, "expires_zero")
    assert broker.err().count("token expires_zero: expires_in") == 1, "said once"


def lifetime(token):
    start, end = (datetime.fromisoformat(token[key].replace("Z", "+00:00"))
                  for key in ("obtained_at", "expires_at"))
    seconds = (end - start).total_seconds()
    return timedelta(seconds=round(seconds / 10) * 10)  # both are cut to seconds


def test_tokens_of_one_second_make_no_loop(world, server):
    server.settings(expires_in=1)
    world.write_config({"default": world.token(server)})
    broker = world.broker().wait_ready()
    server.wait_requests(2)
    start, first = time.monotonic(), server.requests()
    server.wait_requests(first + 2)
    assert server.requests() - first <= time.monotonic() - start + 1
    assert broker.is_running()


def test_a_redirect_is_not_followed_but_named(world, server):
    target = f"{server.url}/elsewhere?code=query-is-not-shown"
    broker = world.ready_broker(server)
    before = get(world)
    server.order("token", status=301, headers={"Location": target}, count=-1)
    order_refresh(world)
    error = broker.wait_token(lambda token: token["last_error"])["last_error"]
    assert (error["reason"], error["http_status"]) == ("http", 301)
    assert f"{server.url}/elsewhere" in error["message"]
    assert "query-is-not-shown" not in error["message"]
    assert get(world) == before


@pytest.mark.parametrize("fault, reason", [("reset", "network"), ("half", "network"),
                                           ("stall", "timeout"), ("stall_headers", "timeout")])
def test_a_line_that_breaks_is_told_from_a_server_that_refuses(world, server, fault, reason):
    timeout_s = 1 if reason == "timeout" else 20
    broker = world.ready_broker(server, connect_timeout=timeout_s, request_timeout=timeout_s)
    before = get(world)
    server.order("token", fault=fault, count=1)
    order_refresh(world)
    assert broker.wait_token(lambda token: token["last_error"])["last_error"]["reason"] == reason
    assert get(world) == before
    broker.wait_token(lambda token: token["consecutive_failures"] == 0, timeout=15)


# Secret files

def loose(path):
    path.chmod(0o644)


def group_readable(path):
    os.chown(path, path.stat().st_uid, 31337)
    path.chmod(0o640)


def foreign(path):
    os.chown(path, STRANGER_UID, STRANGER_UID)


def to_fifo(path):
    path.unlink()
    os.mkfifo(path, 0o600)


def to_directory(path):
    path.unlink()
    path.mkdir(0o700)


BAD_SECRET_FILES = {
    "readable for all": (loose, "accessible to others"),
    "readable for a group": (group_readable, "accessible to a group"),
    "of another user": (foreign, "its owner"),
    "missing": (lambda path: path.unlink(), "No such file"),
    "empty": (lambda path: path.write_text(""), "empty"),
    "of two lines": (lambda path: path.write_text("one\ntwo\n"), "one line"),
    "with a control character": (lambda path: path.write_text("se\x1bcret\n"), "printable"),
    "too long": (lambda path: path.write_text("x" * 100000), "more than"),
    "a FIFO": (to_fifo, "not a regular file"),
    "a directory": (to_directory, "not a regular file"),
}


@pytest.mark.needs_root
@pytest.mark.parametrize("which", BAD_SECRET_FILES)
def test_a_bad_secret_file_is_named_and_the_token_goes_on(world, server, which):
    spoil, text = BAD_SECRET_FILES[which]
    broker = world.ready_broker(server)
    before = get(world)
    path = world.secrets_dir / "default"
    spoil(path)
    if path.exists() and which != "of another user":
        os.chown(path, world.broker_uid, path.stat().st_gid)
    order_refresh(world)
    error = broker.wait_token(lambda token: token["last_error"])["last_error"]
    assert error["reason"] == "secret_unreadable"
    assert str(path) in error["message"] and text in error["message"], error
    assert get(world) == before and server.requests() == 1

    check = world.broker("--check-config")
    assert check.wait() == 2
    assert text in check.err() and f"{world.config_path}:" in check.err()

    if path.is_dir():
        path.rmdir()
    world.write_secret()
    order_refresh(world)
    broker.wait_token(lambda token: token["fingerprint"] not in (None, before))


def test_with_a_loose_secret_file_nothing_is_sent(world, server):
    world.write_secret(mode=0o644)
    world.write_config({"default": world.token(server)})
    broker = world.broker().wait_ready()
    token = broker.wait_token(lambda token: token["last_error"])
    assert token["last_error"]["reason"] == "secret_unreadable" and token["state"] == "pending"
    assert "chmod" in token["last_error"]["message"]
    assert server.requests() == 0 and get(world) == 4
    assert CLIENT_SECRET not in broker.err()

    world.write_secret()
    broker.wait_token(lambda token: token["state"] == "valid", timeout=20)


# Configurations: what --check-config says of single values stands in test_check_config.py

GOOD = """token "default" {
    token_url = "https://login.example.com/token"
    client_id = "someone"
    client_secret_file = "/etc/tokenbroker/secrets/default"
}
"""
# Each is GOOD with a mistake: the line that it is told of, and parts of what is told.
REFUSED_CONFIGURATIONS = {
    "an open bracket": (GOOD[:-2], None, []),
    "an open string": (GOOD + 'log_level = "info\n', None, []),
    "a variable": (GOOD.replace("someone", "${HOME}"), 3, []),
    "a token named twice": (GOOD + GOOD, 6, ["default"]),
    "a token without a secret": (GOOD.replace("client_secret_file", "#"), 1, ["client_secret_file"]),
    "a token of a bad name": (GOOD.replace('"default"', '"../etc"'), 1, ["../etc"]),
    "plain http to a host": (
        GOOD.replace("https", "http").replace("}", "    allow_http = true\n}"), 2, ["loopback"]),
    "a provider that nobody knows": (GOOD.replace("}", '    provider = "acme"\n}'), 5,
                                     ["provider", "blueconic"]),
    "blueconic without a tenant": (GOOD.replace("token_url", "provider = blueconic #"), None,
                                   ["tenant"]),
    "a parameter that is taken": (
        GOOD.replace("}", '    parameters = {"grant_type=password"}\n}'), 5, ["parameters"]),
    "an address for all without a token": (
        GOOD + 'http {\n    listen = {"0.0.0.0:8437"}\n}\n', 7, ["listen", "access_token_file"]),
}


@pytest.mark.parametrize("which", REFUSED_CONFIGURATIONS)
def test_with_a_mistake_nothing_is_begun(world, which):
    text, line, parts = REFUSED_CONFIGURATIONS[which]
    world.config_path.write_text(text)
    broker = world.broker()
    assert broker.wait() == 2
    mistake, = [text for text in broker.err_lines() if str(world.config_path) in text]
    place = f"{world.config_path}:" if line is None else f"{world.config_path}:{line}:"
    assert place in mistake and all(part in mistake for part in parts), mistake
    assert os.listdir(world.runtime_dir) == []


def test_an_unknown_reader_does_not_keep_the_others_from_their_token(world, server, cli):
    broker = world.ready_broker(server, readers=[str(world.reader_uid), "no-such-user-here"])
    assert isinstance(get(world), str)
    warnings = broker.wait_status(lambda status: status["config"]["warnings"])["config"]["warnings"]
    assert any("no-such-user-here" in warning for warning in warnings)
    assert "no-such-user-here" in cli("status").out


@pytest.mark.parametrize("arguments", [
    ["--no-such-option"], ["--try"], ["stray"], ["--config"],
])
def test_wrong_usage_is_refused(world, arguments):
    world.write_config({})
    broker = world.broker(*arguments)
    assert broker.wait() == 2 and broker.err()
