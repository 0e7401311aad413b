# SPDX-License-Identifier: MIT
"""Readers that were answered 401: a thousand rejections make one fetch."""

import json
import time

import pytest

import control
from tb import READER_UID, STRANGER_UID, wait_until
from test_sharing import swarm


@pytest.mark.needs_root
def test_a_thousand_processes_that_reject_at_once_make_one_fetch(world, server):
    broker = world.ready_broker(server)
    seen = swarm(world, "reject", "--processes", 1000, "--uid", READER_UID)
    before, = seen["before"]
    assert set(seen["results"]["reject"]) <= {"ok", "ESTALE"}, "nobody is told that the broker is busy"
    assert seen["results"]["wait"] == {"ok": 1000}
    assert set(seen["after"]) == {before + 1}
    assert server.requests() == 2
    assert broker.is_running()
    counters = broker.wait_token(lambda token: token["counters"]["publishes"] == 3)["counters"]
    assert counters["rejections"]["accepted"] >= 1 and counters["rejections"]["denied"] == 0


@pytest.mark.needs_root
def test_a_reader_that_rejects_everything_meets_a_growing_interval(world, server, cli):
    world.ready_broker(server, reject_interval=1, retry_max=60)
    end = time.monotonic() + 12
    while time.monotonic() < end:
        generation = str(json.loads(cli("info", "--json", uid=READER_UID).out)["generation"])
        assert cli("reject", "default", generation, uid=READER_UID).status in (0, 1)
    times = server.token_times_ms()
    pauses = [(later - earlier) / 1000 for earlier, later in zip(times, times[1:])]
    # The first at once, then 1, 2, 4 s and so on; 0.3 s for the machine.
    assert 4 <= len(times) <= 6
    assert all(pause > 2 ** number - 0.3 for number, pause in enumerate(pauses[1:]))


def test_a_rejection_of_another_generation_does_nothing(world, server, cli):
    broker = world.ready_broker(server)
    generation = broker.token_status()["generation"]
    wait_until(lambda: cli("refresh", "default").status == 0, 10, "a refresh")
    stale = cli("reject", "default", str(generation), uid=world.reader_uid)
    assert stale.status == 0 and stale.err, "stale is fine, and said"
    assert cli("reject", "default", str(generation + 100), uid=world.reader_uid).status == 1
    assert server.requests() == 2
    rejections = broker.wait_token(
        lambda token: token["counters"]["rejections"]["invalid"] == 1)["counters"]["rejections"]
    assert rejections["stale"] == 1


@pytest.mark.needs_root
def test_only_readers_may_reject(world, server, cli):
    broker = world.ready_broker(server)
    generation = broker.token_status()["generation"]
    answer = world.control(control.REJECT, uid=STRANGER_UID, generation=generation)
    assert answer is None or answer.result == "denied"
    assert server.requests() == 1
    assert cli("reject", "default", str(generation), uid=READER_UID).status == 0
    server.wait_requests(2)


def test_the_same_token_again_after_a_rejection_is_kept_and_shown(world, server, cli):
    broker = world.ready_broker(server)
    generation = broker.token_status()["generation"]
    server.order("token", same_token=True, count=-1)
    assert cli("reject", "default", str(generation), uid=world.reader_uid).status == 0
    token = broker.wait_token(lambda token: token["last_error"] is not None)
    assert token["last_error"]["reason"] == "rejected_token_returned"
    assert token["state"] == "valid"
    assert cli("get", uid=world.reader_uid).status == 0


def test_a_rejection_without_a_broker_says_so(world, server, cli):
    broker = world.ready_broker(server)
    generation = str(broker.token_status()["generation"])
    broker.stop()
    result = cli("reject", "default", generation, uid=world.reader_uid)
    assert result.status == 8 and result.err
    assert cli("get", uid=world.reader_uid).status == 0
