# SPDX-License-Identifier: MIT
"""Odd states that once went wrong: commands, reloads and stops that meet each other."""

import pytest

import control
from tb import Result, wait_until


def begin_revoke(world, server, broker):
    """A revoke that waits for its successor; returns the fingerprint of the token that must die."""
    fingerprint = broker.token_status()["fingerprint"]
    server.order(fault="stall")
    assert world.control(control.REVOKE).result == "accepted"
    server.wait_requests(2)
    return fingerprint


def test_a_reload_to_another_source_does_not_save_a_token_that_is_to_be_revoked(world, server):
    broker = world.ready_broker(server)
    fingerprint = begin_revoke(world, server, broker)
    world.write_config({"default": world.token(server, scope="another")})
    broker.reload()
    wait_until(lambda: fingerprint not in server.active(), what="the revocation")
    broker.wait_token(lambda token: token["state"] == "valid")


def test_a_token_that_leaves_the_configuration_is_still_revoked_as_ordered(world, server):
    broker = world.ready_broker(server)
    fingerprint = begin_revoke(world, server, broker)
    world.write_config({})
    broker.reload()
    wait_until(lambda: fingerprint not in server.active(), what="the revocation")


def test_a_stop_does_not_save_a_token_that_is_to_be_revoked(world, server):
    broker = world.ready_broker(server)
    fingerprint = begin_revoke(world, server, broker)
    assert broker.stop() == 0
    assert fingerprint not in server.active()
    assert world.segment_path() is None


def test_a_suspend_after_the_state_directory_was_mended_is_durable(world, server):
    world.state_dir.rmdir()
    world.state_dir.write_text("no directory")
    world.give(world.state_dir)
    world.write_config({"default": world.token(server)})
    broker = world.broker().wait_ready()
    assert broker.token_status()["state"] == "suspended"
    world.state_dir.unlink()
    world.make_directory("state", 0o700)
    assert world.control(control.SUSPEND).result == "accepted"
    broker.stop()
    world.broker().wait_ready()
    assert world.token_status()["state"] == "suspended"
    assert server.requests() == 0


def test_a_token_that_cannot_be_published_is_not_told_to_be_valid(world, server):
    in_the_way = world.make_directory("run/tokens", 0o755) / "default"
    in_the_way.mkdir()
    world.give(in_the_way)
    world.write_config({"default": world.token(server)})
    broker = world.broker().wait_ready()
    broker.wait_log("failing: publish_failed")
    assert "valid, generation" not in broker.err()
    assert broker.token_status()["state"] == "pending"
    assert broker.notifications.last_status() == "0 of 1 tokens usable; default: publish_failed"
    in_the_way.rmdir()
    broker.wait_log("published again")
    broker.wait_token(lambda token: token["state"] == "valid")
    assert server.requests() == 1


def test_commands_are_audited_at_every_log_level(world, server):
    world.write_config({"default": world.token(server)}, log_level="error")
    broker = world.broker().wait_ready()
    assert world.control(control.SUSPEND).result == "accepted"
    assert "audit: suspend of token default by uid" in broker.wait_log("audit:")


def test_a_reload_during_the_start_does_not_claim_to_be_ready(world, server):
    server.order(fault="stall")
    world.write_config({"default": world.token(server)})
    broker = world.broker()
    server.wait_requests(1)
    broker.reload()
    broker.wait_log("configuration reloaded")
    assert not broker.notifications.has("READY=1")


@pytest.mark.needs_root
def test_root_may_try_with_a_secret_of_the_brokers_user(world, server):
    world.write_config({"default": world.token(server)})
    argv = [world.build / "tokenbrokerd", "--config", world.config_path,
            "--runtime-dir", world.runtime_dir, "--state-dir", world.state_dir, "--try", "default"]
    result = Result(world.process(argv, "try"), 30)
    assert (result.status, server.active()) == (0, set()), result


def test_a_token_that_had_expired_before_it_arrived_is_no_success(world, server):
    server.order(expires_in=1, delay_ms=1500)
    world.write_config({"default": world.token(server)})
    broker = world.broker()
    token = broker.wait_token(lambda token: token["counters"]["fetches"]["failed"] == 1)
    assert token["counters"]["fetch_errors"] == {"bad_response": 1}
    assert token["history"][0]["result"] == "bad_response"
    broker.wait_token(lambda token: token["counters"]["fetches"]["ok"] == 1)


def test_a_control_socket_that_was_deleted_is_made_again(world, server):
    broker = world.ready_broker(server)
    (world.runtime_dir / "control.sock").unlink()
    broker.wait_log("control.sock was gone: made again", timeout=25)
    assert world.control(control.REFRESH).result in ("accepted", "too_soon")


def test_a_changed_backing_is_told_until_it_is_changed_back(world, server):
    tokens = {"default": world.token(server)}
    world.write_config(tokens, backing="shm")
    broker = world.broker().wait_ready()
    world.write_config(tokens, backing="directory")
    broker.reload()
    wait_until(lambda: any("restart" in one for one in world.status()["config"]["warnings"]),
               what="the warning")
    assert world.segment_path().parent.name == "shm"
    world.write_config(tokens, backing="shm")
    broker.reload()
    wait_until(lambda: not world.status()["config"]["warnings"], what="no warning")


def test_a_broker_that_was_stopped_is_known_to_be_stopped_at_once(world, server):
    broker = world.ready_broker(server)
    assert world.cli("status").status == 0
    assert broker.stop() == 0
    shown = world.cli("status")
    assert shown.status == 8 and "stopped" in shown.out + shown.err


def test_a_second_suspension_still_knows_the_token_that_lives(world, server):
    broker = world.ready_broker(server)
    fingerprint = broker.token_status()["fingerprint"]
    server.order("revoke", status=503, count=20)
    server.order(status=503, count=20)  # no other token comes between the two
    assert world.control(control.SUSPEND).result == "accepted"
    assert world.control(control.RESUME).result == "accepted"
    assert world.control(control.SUSPEND).result == "accepted"
    marker = next(world.state_dir.glob("default.*")).read_text()
    assert fingerprint in marker
