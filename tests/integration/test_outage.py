# SPDX-License-Identifier: MIT
"""The token server is down, busy or refuses us: a good token serves to its end, and all heals."""

import socket
import time
from datetime import datetime, timedelta

from tb import CLIENT_SECRET, fingerprint, wait_until

MARGIN_S = 0.1  # requests are timed where they arrive
LIFETIME_S = 8


def pauses_s(server):
    times = server.token_times_ms()
    return [(later - earlier) / 1000 for earlier, later in zip(times, times[1:])]


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def get(world):
    return world.cli("get", uid=world.reader_uid)


def test_a_good_token_serves_to_its_end_and_the_next_comes_by_itself(world, server, cli):
    broker = world.ready_broker(server, refresh_percent=20, retry_max=2)
    server.settings(expires_in=LIFETIME_S)
    start = time.monotonic()
    wait_until(lambda: cli("refresh", "default").status == 0, 10, "a short-lived token")
    good = fingerprint(get(world).out.strip())
    server.order("token", status=503, count=-1)
    before = server.requests()

    failing = broker.wait_token(lambda token: token["consecutive_failures"] >= 2)
    assert failing["state"] == "valid"
    assert failing["failing_since"] and failing["last_error"]["http_status"] == 503
    assert fingerprint(get(world).out.strip()) == good
    expired = wait_until(lambda: (r := get(world)).status != 0 and r, 15, "the end of the token")
    assert (expired.status, expired.out) == (5, "")
    assert time.monotonic() > start + LIFETIME_S, "not before its time"
    assert broker.wait_token(lambda token: token["state"] == "expired")

    # At a fifth of its life, 1 s later, then every 2 s.
    assert server.requests() - before <= 6
    assert all(pause > 1 - MARGIN_S for pause in pauses_s(server))
    server.clear_orders()
    healed = broker.wait_token(lambda token: token["state"] == "valid")
    assert (healed["consecutive_failures"], healed["failing_since"]) == (0, None)
    assert fingerprint(get(world).out.strip()) == healed["fingerprint"] != good


def test_a_server_that_cannot_be_reached_is_tried_again(world, server):
    world.write_config({"default": world.token(server, retry_max=2, client_id="later")})
    server.order("token", fault="reset", count=2)
    broker = world.broker().wait_ready()
    failing = broker.wait_token(lambda token: token["last_error"] is not None)
    assert failing["state"] == "pending" and failing["last_error"]["reason"] == "network"
    assert get(world).status == 4
    server.set_client(client_id="later")
    broker.wait_token(lambda token: token["state"] == "valid", timeout=20)
    assert get(world).status == 0
    assert all(pause > 1 - MARGIN_S for pause in pauses_s(server))


def test_refreshes_ordered_while_nobody_listens_keep_the_interval_too(world, server, cli):
    dead = world.token(server, retry_min=60, retry_max=60)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dead["token_url"] = f"http://127.0.0.1:{listener.getsockname()[1]}/token"
    world.write_config({"default": dead})
    broker = world.broker().wait_ready()
    assert broker.wait_token(lambda token: token["last_error"] is not None)["last_error"]["reason"] == "network"
    early = cli("refresh", "default", "--wait", "0")
    assert early.status == 10 and "too soon" in early.err
    assert broker.token_status()["counters"]["fetches"]["failed"] == 1


def test_nothing_is_asked_before_the_time_that_the_server_named(world, server, cli):
    server.order("token", status=503, headers={"Retry-After": "4"}, count=1)
    world.write_config({"default": world.token(server)})
    broker = world.broker().wait_ready()
    broker.wait_token(lambda token: token["last_error"] is not None)
    early = cli("refresh", "default")
    assert early.status == 10 and "too soon" in early.err
    broker.wait_token(lambda token: token["state"] == "valid", timeout=20)
    pause, = pauses_s(server)
    assert 4 - MARGIN_S < pause < 10


def test_a_wrong_secret_is_said_loudly_and_heals_when_it_is_rotated(world, server, cli):
    world.write_secret(secret="an-old-Secret-that-is-no-longer-right")
    world.write_config({"default": world.token(server, retry_max=3600)})
    broker = world.broker().wait_ready()
    error = broker.wait_token(lambda token: token["last_error"] is not None)["last_error"]
    assert (error["reason"], error["http_status"]) == ("invalid_client", 401)
    assert error["hint"] and error["hint"] in cli("status").out
    assert get(world).status == 4

    pause = moment(broker.token_status()["next_attempt_at"]) - moment(error["at"])
    assert pause >= timedelta(seconds=3599), "a permanent failure: the next try is retry_max away"
    world.write_secret(secret=CLIENT_SECRET)
    wait_until(lambda: cli("refresh", "default").status == 0, 10, "a refresh with the new secret")
    assert broker.token_status()["state"] == "valid"
    assert server.outcomes()["invalid_client"] >= 1


def test_one_token_in_trouble_leaves_the_others_alone(world, server, cli):
    world.write_config({"good": world.token(server, "good"),
                        "bad": world.token(server, "bad", client_id="nobody-knows-me")})
    broker = world.broker().wait_ready()
    broker.wait_token(lambda token: token["state"] == "valid", "good")
    bad = broker.wait_token(lambda token: token["last_error"] is not None, "bad")
    assert bad["state"] == "pending"
    assert cli("get", "good", uid=world.reader_uid).status == 0
    assert cli("get", "bad", uid=world.reader_uid).status == 4


def test_a_stalled_request_holds_up_nothing(world, server, cli):
    broker = world.ready_broker(server, connect_timeout=2, request_timeout=2, retry_max=2)
    server.order("token", fault="stall", count=1)
    wait_until(lambda: cli("refresh", "default", "--wait", "0").status == 0, 10, "a refresh")
    server.wait_requests(2)
    assert get(world).status == 0
    assert cli("status").status == 0
    token = broker.wait_token(lambda token: token["last_error"] is not None)
    assert token["last_error"]["reason"] == "timeout" and token["state"] == "valid"
    broker.wait_token(lambda token: token["consecutive_failures"] == 0)
    assert broker.status()["loop"]["longest_ms"] < 1500
