# SPDX-License-Identifier: MIT
"""tokenbrokerd --try NAME: one real fetch, said in words, taken back, and nothing left behind."""

import re
import signal

import pytest

from tb import CLIENT_ID, Result, fingerprint

SECRET = "CanarySecret/+&=%a90b44-not-to-be-said"
CANARY = "CanaryTokenb7d2"


def attempt(world, name="default", runtime_dir=None):
    argv = [world.build / "tokenbrokerd", "--config", world.config_path,
            "--runtime-dir", runtime_dir or world.runtime_dir, "--state-dir", world.state_dir,
            "--try", name]
    return Result(world.process(argv, "try", uid=world.broker_uid), 30)


def configure(world, server, **keys):
    world.write_config({"default": world.token(server, **keys)})


def revocations(server):
    return server.requests("revoke")


def test_a_token_is_fetched_told_about_and_revoked(world, server):
    configure(world, server)
    result = attempt(world)
    assert result.status == 0
    assert re.search(r"^token default: fetched in \d+ ms, fingerprint [0-9a-f]{12}, \d+ bytes, "
                     r"lives 3600 s$", result.out, re.MULTILINE)
    assert "revoked again" in result.out
    assert (server.requests(), revocations(server), server.active()) == (1, 1, set())


def test_a_refused_client_is_told_the_reason_and_a_hint(world, server):
    configure(world, server)
    world.write_secret(secret="not-the-secret-of-this-client")
    result = attempt(world)
    assert result.status == 1
    assert "invalid_client (HTTP 401)" in result.out
    assert re.search(r"^hint: .*client_secret_file", result.out, re.MULTILINE)
    assert (server.requests(), revocations(server)) == (1, 0)


def test_a_server_that_is_not_there_is_named_as_such(world, server):
    configure(world, server)
    server.kill()
    result = attempt(world)
    assert result.status == 1
    assert "failed: network" in result.out and "hint: " in result.out


def test_a_secret_that_others_may_read_is_not_sent(world, server):
    configure(world, server)
    world.write_secret(mode=0o644)
    result = attempt(world)
    assert result.status == 1
    assert "secret_unreadable" in result.out and "chmod 0400" in result.out
    assert server.requests() == 0


def test_an_unknown_name_is_a_usage_error(world, server):
    configure(world, server)
    result = attempt(world, "nobody")
    assert (result.status, result.out) == (2, "")
    assert '"nobody"' in result.err
    assert server.requests() == 0


def test_a_wrong_configuration_is_told_as_at_a_start(world, server):
    configure(world, server, refresh_percent=200)
    result = attempt(world)
    assert result.status == 2
    assert "refresh_percent" in result.err and str(world.config_path) in result.err
    assert server.requests() == 0


def test_without_a_revoke_url_the_token_lives_on_and_that_is_said(world, server):
    configure(world, server, revoke_url=None)
    result = attempt(world)
    assert result.status == 0
    assert "no revoke_url" in result.out and "lives until it expires" in result.out
    assert (len(server.active()), revocations(server)) == (1, 0)


def test_a_revocation_that_fails_is_a_failure(world, server):
    configure(world, server)
    server.order("revoke", status=503)
    result = attempt(world)
    assert result.status == 1
    assert "revoking failed" in result.out and "lives until it expires" in result.out
    assert len(server.active()) == 1


def test_the_token_of_the_running_broker_is_not_revoked(world, server, cli):
    world.ready_broker(server)
    token = cli("get", uid=world.reader_uid).out.strip()
    server.order("token", same_token=True)
    result = attempt(world)
    assert result.status == 0
    assert fingerprint(token) in result.out and "not revoked" in result.out
    assert revocations(server) == 0
    assert server.api_status(token) == 200


def test_another_token_is_revoked_beside_the_running_broker(world, server, cli):
    broker = world.ready_broker(server)
    token = cli("get", uid=world.reader_uid).out.strip()
    result = attempt(world)
    assert result.status == 0 and "revoked again" in result.out
    assert server.active() == {fingerprint(token)}
    assert broker.token_status()["fingerprint"] == fingerprint(token)


DAMAGE = {
    "gone": lambda path: path.unlink(),
    "closed": lambda path: path.chmod(0),
    "rubbish": lambda path: path.write_text("{"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_who_cannot_read_the_status_of_a_running_broker_revokes_nothing(world, server, cli, damage):
    broker = world.ready_broker(server)
    token = cli("get", uid=world.reader_uid).out.strip()
    broker.signal(signal.SIGSTOP)  # it holds the lock and mends nothing meanwhile
    DAMAGE[damage](world.runtime_dir / "status.json")
    server.order("token", same_token=True)
    result = attempt(world)
    assert result.status == 0
    assert "not revoked" in result.out and "status.json cannot be read" in result.out
    assert revocations(server) == 0
    assert server.api_status(token) == 200


def snapshot(directory):
    return {path.name: (path.lstat().st_ino, path.lstat().st_mtime_ns, path.lstat().st_mode)
            for path in [directory, *directory.rglob("*")]}


def test_nothing_is_written(world, server):
    configure(world, server)
    before = snapshot(world.runtime_dir), snapshot(world.state_dir)
    assert attempt(world).status == 0
    assert (snapshot(world.runtime_dir), snapshot(world.state_dir)) == before
    assert list(world.runtime_dir.iterdir()) == []


def test_no_runtime_directory_is_needed_and_none_is_made(world, server):
    configure(world, server)
    missing = world.directory / "no-such-directory"
    result = attempt(world, runtime_dir=missing)
    assert result.status == 0 and "revoked again" in result.out
    assert not missing.exists()


def test_the_lock_is_not_taken(world, server):
    """A broker can start while a token is tried."""
    configure(world, server)
    server.order("token", fault="stall")
    trying = world.process([world.build / "tokenbrokerd", "--config", world.config_path,
                            "--runtime-dir", world.runtime_dir, "--try", "default"], "try",
                           uid=world.broker_uid)
    server.wait_requests(1)
    broker = world.broker().wait_ready()
    assert broker.wait_token(lambda token: token["state"] == "valid")
    assert trying.is_running()


ORDERS = {
    "good": {},
    "echo": {"echo_secret": True, "status": 401},
    "newline": {"odd": "token_with_newline"},
    "number": {"odd": "number_token"},
}


@pytest.mark.parametrize("name", ORDERS)
def test_neither_token_nor_secret_is_said(world, server, name):
    order = ORDERS[name]
    server.settings(canary=CANARY)
    server.set_client(client_secret=SECRET)
    world.write_secret(secret=SECRET)
    configure(world, server)
    if order:
        server.order("token", **order)
    result = attempt(world)
    assert result.status == (1 if order else 0)
    assert CLIENT_ID not in result.out
    for text in (CANARY, SECRET):
        assert text not in result.out + result.err
