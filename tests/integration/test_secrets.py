# SPDX-License-Identifier: MIT
"""Where the secret and the tokens must not be: memory, core files, logs, status, arguments."""

import json
import re
from pathlib import Path

import pytest

from memory import copies, dump, forms, holders, pieces, token_pieces
from tb import wait_until

SECRET = "CanarySecret/+&=%07f1c2-not-to-be-found"
CANARY = "CanaryToken4c1d"


def assert_nowhere(broker, world, *texts):
    places = {
        "log": broker.err(),
        "status.json": (world.runtime_dir / "status.json").read_text(),
        "arguments": Path(f"/proc/{broker.pid}/cmdline").read_text(),
        "environment": Path(f"/proc/{broker.pid}/environ").read_bytes().decode(errors="replace"),
    }
    for place, content in places.items():
        for text in texts:
            assert text not in content, f"found in {place}"


def refresh(world, broker):
    before = broker.token_status()["generation"]
    wait_until(lambda: world.cli("refresh", "default").status == 0, 10, "a refresh")
    broker.wait_token(lambda token: token["generation"] > before)


def canary_broker(world, server, **keys):
    server.settings(canary=CANARY)
    server.set_client(client_secret=SECRET, auth=keys.pop("auth", "any"))
    world.write_secret(secret=SECRET)
    world.write_config({"default": world.token(server, **keys)}, log_level="debug")
    broker = world.broker().wait_ready()
    broker.wait_token(lambda token: token["state"] == "valid")
    return broker


AUTHENTICATION = {
    "post": {},
    "basic": {"generic": True, "client_auth": "basic", "auth": "basic"},
    "basic_raw": {"generic": True, "client_auth": "basic_raw", "auth": "basic_raw"},
}


@pytest.mark.needs_root
@pytest.mark.needs_plain_build
@pytest.mark.parametrize("method", AUTHENTICATION)
def test_no_copy_of_the_secret_stays_in_memory(world, server, method):
    broker = canary_broker(world, server, **AUTHENTICATION[method])
    assert copies(broker.pid, *pieces(*forms(SECRET))) == []
    for _ in range(3):
        refresh(world, broker)
    assert copies(broker.pid, *pieces(*forms(SECRET))) == []


@pytest.mark.needs_root
@pytest.mark.needs_plain_build
def test_no_copy_of_the_secret_stays_in_memory_after_https(world):
    tls = world.tls()
    server = world.auth_server(tls=tls)
    broker = canary_broker(world, server, ca_file=tls.ca, allow_http=None)
    for _ in range(2):
        refresh(world, broker)
    assert copies(broker.pid, *pieces(*forms(SECRET))) == []
    # The token itself, marked at both ends: in the broker's locked page and in the ring of four.
    assert len(copies(broker.pid, CANARY)) <= 2 * (1 + 4)


@pytest.mark.needs_root
@pytest.mark.needs_plain_build
def test_the_memory_scan_finds_what_is_there(world, server):
    """The tests above could not fail if it did not."""
    broker = canary_broker(world, server)
    assert copies(broker.pid, CANARY)


@pytest.mark.needs_root
@pytest.mark.needs_plain_build
def test_a_revoked_and_a_suspended_token_are_wiped_everywhere(world, server, cli):
    broker = canary_broker(world, server)
    old = cli("get").out.strip()
    assert copies(broker.pid, old)
    assert cli("revoke", "default").status == 0
    broker.wait_token(lambda token: not token["pending_revocations"])
    wait_until(lambda: copies(broker.pid, *token_pieces(old)) == [], 5, "the old token wiped")
    assert old.encode() not in world.segment_path().read_bytes()

    current = cli("get").out.strip()
    assert cli("suspend", "default").status == 0
    broker.wait_token(lambda token: token["counters"]["revocations"]["ok"] == 2)
    wait_until(lambda: copies(broker.pid, *token_pieces(current), CANARY) == [], 5, "the token wiped")
    assert CANARY.encode() not in world.segment_path().read_bytes()


@pytest.mark.needs_root
@pytest.mark.needs_plain_build
def test_a_token_that_is_revoked_because_it_was_replaced_is_wiped_everywhere(world, server, cli):
    broker = canary_broker(world, server, revoke_replaced_after=0)
    old = cli("get").out.strip()
    assert copies(broker.pid, old)
    refresh(world, broker)
    broker.wait_token(lambda token: token["counters"]["revocations"]["ok"] == 1)
    wait_until(lambda: copies(broker.pid, *token_pieces(old)) == [], 5, "the old token wiped")
    assert old.encode() not in world.segment_path().read_bytes()


@pytest.mark.needs_root
@pytest.mark.needs_plain_build
def test_core_files_hold_neither_secret_nor_token(world, server):
    broker = canary_broker(world, server)
    server.order("token", fault="stall")
    wait_until(lambda: world.cli("refresh", "default", "--wait", "0").status == 0, 10, "a refresh")
    server.wait_requests(2)
    assert copies(broker.pid, SECRET), "a request is under way: the secret is in memory"
    core = dump(broker.pid, world.directory / "core")
    for text in (CANARY, *pieces(*forms(SECRET))):
        assert text.encode() not in core


@pytest.mark.needs_root
@pytest.mark.needs_plain_build
@pytest.mark.parametrize("method", AUTHENTICATION)
def test_while_a_request_is_under_way_the_secret_is_in_locked_memory_only(world, server, method):
    """libcurl's own buffers, too; neither swapped nor dumped."""
    broker = canary_broker(world, server, **AUTHENTICATION[method])
    server.order("token", fault="stall")
    wait_until(lambda: world.cli("refresh", "default", "--wait", "0").status == 0, 10, "a refresh")
    server.wait_requests(2)
    found = holders(broker.pid, *pieces(*forms(SECRET)))
    assert found and [mapping.name for mapping in found if not {"lo", "dd"} <= mapping.flags] == []


def test_the_kernel_writes_no_core_file_of_the_broker(world, server):
    broker = world.ready_broker(server)
    limits = Path(f"/proc/{broker.pid}/limits").read_text()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)


@pytest.mark.needs_root
@pytest.mark.needs_plain_build  # AddressSanitizer makes mlock(2) do nothing
def test_pages_with_a_token_are_locked_not_dumped_and_not_inherited(world, server):
    broker = world.ready_broker(server)
    status = Path(f"/proc/{broker.pid}/status").read_text()
    assert int(re.search(r"^VmLck:\s+(\d+) kB", status, re.MULTILINE)[1]) >= 4
    flags = re.findall(r"^VmFlags: (.*)$", Path(f"/proc/{broker.pid}/smaps").read_text(), re.MULTILINE)
    assert any({"lo", "dd", "wf"} <= set(line.split()) for line in flags)
    assert not any("lo" in line.split() and "dd" not in line.split() for line in flags)


@pytest.mark.parametrize("method", AUTHENTICATION)
def test_a_server_that_echoes_the_secret_gets_it_nowhere(world, server, cli, method):
    broker = canary_broker(world, server, **AUTHENTICATION[method])
    server.order("token", echo_secret=True, status=401, count=1)
    wait_until(lambda: cli("refresh", "default", "--wait", "0").status == 0, 10, "a refresh")
    token = broker.wait_token(lambda token: token["last_error"] is not None)
    assert "[redacted]" in token["last_error"]["message"]
    assert_nowhere(broker, world, CANARY, *forms(SECRET))
    shown = cli("status")
    assert shown.status == 0
    for text in (CANARY, *forms(SECRET)):
        assert text not in shown.out + shown.err


def test_a_server_that_tells_the_token_which_readers_hold_gets_it_nowhere(world, server, cli):
    broker = canary_broker(world, server)
    token = cli("get").out.strip()
    assert token.startswith(CANARY)
    server.order("token", status=429, count=1, body=json.dumps(
        {"error": "slow_down", "error_description": f"{token} is still active"}))
    wait_until(lambda: cli("refresh", "default", "--wait", "0").status == 0, 10, "a refresh")
    error = broker.wait_token(lambda token: token["last_error"] is not None)["last_error"]
    assert error["message"] == "HTTP 429: slow_down: [redacted] is still active"
    assert_nowhere(broker, world, token)


def told_of(token, error):
    return json.dumps({"error": error, "error_description": f"{token} is still active"})


def test_a_token_server_that_tells_a_token_which_is_being_revoked_gets_it_nowhere(world, server, cli):
    broker = canary_broker(world, server, retry_min=1, retry_max=1)
    token = cli("get").out.strip()
    server.order("revoke", status=503, count=-1)
    server.order("token", status=429, count=-1, body=told_of(token, "slow_down"))
    assert "not confirmed" in cli("revoke", "default").err
    failures = broker.wait_token(lambda token: token["state"] == "pending")["consecutive_failures"]
    error = broker.wait_token(lambda token: token["consecutive_failures"] > failures + 1)["last_error"]
    assert error["message"] == "HTTP 429: slow_down: [redacted] is still active"
    assert_nowhere(broker, world, token)


def test_a_revocation_that_tells_the_next_token_gets_it_nowhere(world, server, cli):
    broker = canary_broker(world, server, retry_min=1)
    old = cli("get").out.strip()
    server.order("revoke", status=503, count=1)
    assert "not confirmed" in cli("revoke", "default").err
    token = wait_until(lambda: cli("get").out.strip(), 20, "the next token")
    assert token != old
    server.order("revoke", status=400, count=1, body=told_of(token, "unsupported_token_type"))
    wait_until(lambda: "[redacted] is still active" in broker.err(), 20, "the second try")
    assert_nowhere(broker, world, token, old)


def test_the_whole_story_leaves_no_trace(world, server, cli):
    broker = canary_broker(world, server)
    refresh(world, broker)
    for body in ("html", "not_json", "number_token", "token_with_newline"):
        server.order("token", odd=body)
        before = broker.token_status()["counters"]["fetches"]
        wait_until(lambda: cli("refresh", "default", "--wait", "0").status == 0, 10, "a refresh")
        broker.wait_token(lambda token, before=before: token["counters"]["fetches"] != before)
    wait_until(lambda: cli("revoke", "default").status == 0, 10, "a revocation")
    cli("suspend", "default")
    cli("resume", "default")
    assert_nowhere(broker, world, CANARY, *forms(SECRET))
    assert broker.stop() == 0
    assert CANARY not in broker.err() and SECRET not in broker.err()


def test_run_hands_the_token_over_in_a_file_only(world, server, cli):
    canary_broker(world, server)
    result = cli("run", "--", "sh", "-c",
                 'tr "\\0" "\\n" < /proc/self/environ; tr "\\0" " " < /proc/$PPID/cmdline; '
                 'tr "\\0" "\\n" < /proc/$PPID/environ; grep -c . "$BEARER_TOKEN_FILE"')
    assert result.status == 0
    assert "BEARER_TOKEN_FILE=" in result.out and result.out.endswith("\n1\n")
    assert CANARY not in result.out
