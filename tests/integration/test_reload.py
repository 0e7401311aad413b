# SPDX-License-Identifier: MIT
"""A changed configuration, by reload and by restart, and brokers beside each other."""

import json
import os

import pytest

import segment
import tb
from tb import OTHER_READER_UID, READER_UID, fingerprint, wait_until
from test_sharing import start_verifier, verdict

OTHER_CLIENT = "another-client-0123456789"


def reload(broker):
    """Returns when the reload is over, whatever came of it."""
    before = broker.notifications.lines().count("READY=1")
    broker.reload()
    wait_until(lambda: broker.notifications.lines().count("READY=1") > before, 10, "the reload")


def get(world, name="default", uid=None):
    return world.cli("get", name, uid=world.reader_uid if uid is None else uid)


def published(world, name="default"):
    """The fingerprint of what readers get."""
    result = get(world, name)
    assert result.status == 0, result
    return fingerprint(result.out.strip())


def valid(world, name="default"):
    return world.wait_token(lambda token: token["state"] == "valid", name)


def test_tokens_are_added_changed_and_removed_by_a_reload(world, server):
    kept, changed, gone = (world.token(server, name) for name in ("kept", "changed", "gone"))
    world.write_config({"kept": kept, "changed": changed, "gone": gone})
    broker = world.broker().wait_ready()
    before = {name: valid(world, name)["fingerprint"] for name in ("kept", "changed", "gone")}

    server.set_client(OTHER_CLIENT)
    world.write_config({"added": world.token(server, "added"), "kept": kept,
                        "changed": {**changed, "client_id": OTHER_CLIENT}})
    reload(broker)
    assert published(world, "kept") == before["kept"]
    assert get(world, "gone").status == 3
    valid(world, "added")
    token = broker.wait_token(lambda token: token["fingerprint"] not in (None, before["changed"]),
                              "changed")
    assert published(world, "changed") == token["fingerprint"]
    broker.wait_status(lambda status: sorted(token["name"] for token in status["tokens"]) ==
                       ["added", "changed", "kept"])
    assert server.requests() == 5, "the kept one was not fetched again"
    wait_until(lambda: len(segment.shared_memory_of(world.runtime_dir)) == 3, 10,
               "the removed token's segment removed")


@pytest.mark.needs_root
def test_a_token_that_comes_back_within_a_second_has_a_higher_generation(world, server):
    """Else a reader that keeps a copy would take the new token for the one it has."""
    keys = world.token(server)
    world.write_config({"default": keys})
    broker = world.broker().wait_ready()
    generation = valid(world)["generation"]
    for _ in range(3):
        world.write_config({})
        reload(broker)
        world.write_config({"default": keys})
        reload(broker)
        waited = world.cli("wait", "default", "--after", str(generation), "--timeout", "10", uid=world.reader_uid)
        assert waited.status == 0, waited
        generation = int(waited.out)
    assert server.requests() == 4


def test_a_reload_takes_from_one_reader_and_gives_to_another(world, server):
    world.write_config({"default": world.token(server, readers=[str(READER_UID)])})
    broker = world.broker().wait_ready()
    token = valid(world)["fingerprint"]
    assert get(world, uid=READER_UID).status == 0
    assert get(world, uid=OTHER_READER_UID).status == 7

    world.write_config({"default": world.token(server, readers=[str(OTHER_READER_UID)])})
    reload(broker)
    assert get(world, uid=READER_UID).status == 7
    result = get(world, uid=OTHER_READER_UID)
    assert result.status == 0 and fingerprint(result.out.strip()) == token
    assert server.requests() == 1
    wait_until(lambda: segment.shared_memory_of(world.runtime_dir) == [world.segment_path()], 10,
               "the former segment removed")


@pytest.mark.needs_root
def test_a_reader_that_stays_notices_no_change_of_the_others(world, server):
    both = [str(READER_UID), str(OTHER_READER_UID)]
    broker = world.ready_broker(server, readers=both)
    reader = start_verifier(world, 60)
    for readers in (both[:1], both, both[:1]):
        path = world.segment_path()
        world.write_config({"default": world.token(server, readers=readers)})
        reload(broker)
        wait_until(lambda path=path: world.segment_path() != path, 10, "a new segment")
        wait_until(lambda path=path: not path.exists(), 10, "the end of the old one")
    reader.terminate()
    seen = verdict(reader)
    assert seen["reads"] > 0 and seen["torn"] == 0 and seen["errors"] == {}
    assert seen["first_generation"] == seen["last_generation"]
    assert server.requests() == 1


def test_secrets_and_timings_change_without_touching_the_token(world, server):
    broker = world.ready_broker(server)
    before = published(world)
    path = world.secrets_dir / "rotated"
    world.write_secret("rotated")
    world.write_config({"default": world.token(server, client_secret_file=path, refresh_percent=50,
                                               retry_max=7)})
    reload(broker)
    assert published(world) == before
    assert server.requests() == 1
    assert broker.status()["config"]["error"] is None


@pytest.mark.parametrize("text", [
    "token \"default\" {\n    client_id = \n",
    "token \"other\" {\n    client_id = \"x\"\n}\n",
    "colour = \"blue\"\n",
], ids=["syntax", "missing keys", "unknown key"])
def test_a_broken_file_changes_nothing_and_shows(world, server, cli, text):
    broker = world.ready_broker(server)
    before = published(world)
    good = world.config_path.read_text()
    keys = world.token(server, readers=[])
    world.write_config({"default": keys}, text=text)
    reload(broker)
    error = broker.wait_status(lambda status: status["config"]["error"])["config"]["error"]
    assert error.startswith(f"{world.config_path}:")
    assert error in broker.err() and "nothing has changed" in broker.err()
    shown = cli("status")
    assert error in shown.out + shown.err
    assert published(world) == before, "readers and tokens are as before"

    world.config_path.write_text(good)
    reload(broker)
    broker.wait_status(lambda status: status["config"]["error"] is None)
    assert published(world) == before
    assert server.requests() == 1


def test_a_file_that_is_gone_changes_nothing(world, server):
    broker = world.ready_broker(server)
    before = published(world)
    world.config_path.unlink()
    reload(broker)
    assert broker.wait_status(lambda status: status["config"]["error"])
    assert published(world) == before


def test_drop_ins_add_tokens_and_the_last_value_counts(world, server):
    directory = world.config_path.parent / "conf.d"
    directory.mkdir()
    world.write_config({})
    main = world.config_path.read_text()
    world.write_config({"second": world.token(server, "second")})
    world.config_path.rename(directory / "50-second.conf")
    (directory / "90-level.conf").write_text("log_level = debug\n")
    (directory / "80-level.conf").write_text("log_level = error\n")
    (directory / "ignored.conf.old").write_text("colour = 1\n")
    world.config_path.write_text(main)
    broker = world.broker().wait_ready()
    valid(world, "second")
    assert broker.err(), "log_level = error would have kept it silent"

    (directory / "60-broken.conf").write_text("\n\ncolour = 1\n")
    reload(broker)
    error = broker.wait_status(lambda status: status["config"]["error"])["config"]["error"]
    assert error.startswith(f"{directory}/60-broken.conf:3")


# Whose token it is

def changed_source(world, server, what):
    """The keys of the token as another: nobody may take the old one for it."""
    if what == "client_id":
        server.set_client(OTHER_CLIENT)
        server.order("token", status=503, count=-1, client_id=OTHER_CLIENT)
        return world.token(server, client_id=OTHER_CLIENT, retry_max=2), server
    other = world.auth_server()  # another tenant has other addresses
    other.order("token", status=503, count=-1)
    return world.token(other, retry_max=2), other


def assert_never_served(world, cli, old, source):
    waiter = cli.start("wait", "default", "--timeout", "30", uid=world.reader_uid)
    result = get(world)
    assert (result.status, result.out) == (4, "")
    world.wait_token(lambda token: token["state"] == "pending")
    wait_until(lambda: old not in world.segment_path().read_bytes(), 10, "the scrub")
    source.clear_orders()
    new = world.wait_token(lambda token: token["state"] == "valid", timeout=20)["fingerprint"]
    assert published(world) == new != fingerprint(old)
    assert waiter.wait() == 0


@pytest.mark.parametrize("what", ["client_id", "addresses"])
def test_after_a_reload_the_token_of_another_source_is_never_served(world, server, cli, what):
    broker = world.ready_broker(server)
    old = get(world).out.strip().encode()
    keys, source = changed_source(world, server, what)
    world.write_config({"default": keys})
    reload(broker)
    assert_never_served(world, cli, old, source)


@pytest.mark.parametrize("what", ["client_id", "addresses"])
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_after_a_restart_the_token_of_another_source_is_never_served(world, server, cli, what, end):
    broker = world.ready_broker(server)
    old = get(world).out.strip().encode()
    getattr(broker, end)()
    keys, source = changed_source(world, server, what)
    world.write_config({"default": keys})
    world.broker().wait_ready()
    assert_never_served(world, cli, old, source)


# Stop and start

def test_a_restart_costs_neither_a_fetch_nor_a_read(world, server):
    broker = world.ready_broker(server)
    before = published(world)
    reader = start_verifier(world, 60, world.reader_uid)
    for _ in range(3):
        assert broker.stop() == 0
        assert published(world) == before
        broker = world.broker().wait_ready()
        assert published(world) == before
    reader.terminate()
    seen = verdict(reader)
    assert seen["reads"] > 0 and seen["errors"] == {} and seen["torn"] == 0
    assert seen["first_generation"] == seen["last_generation"]
    assert server.requests() == 1


def test_on_stop_revoke_leaves_nothing_behind(world, server):
    broker = world.ready_broker(server, on_stop="revoke")
    token = published(world)
    assert server.active() == {token}
    assert broker.stop() == 0
    assert server.active() == set()
    assert get(world).status == 3
    assert segment.shared_memory_of(world.runtime_dir) == []


def test_two_brokers_of_one_user_do_not_touch_each_other(world, server, build):
    other = tb.World(build)
    try:
        other.state_dir = world.state_dir  # even that they may share
        other.secrets_dir = world.secrets_dir
        brokers = [each.ready_broker(server) for each in (world, other)]
        first, second = published(world), published(other)
        assert first != second

        assert world.cli("suspend", "default").status == 0
        assert get(world).status == 6
        assert published(other) == second
        for each, broker in zip((world, other), brokers):
            assert broker.kill() == -9
            each.broker().wait_ready()
        assert get(world).status == 6
        assert published(other) == second, "neither swept nor suspended"
        assert server.requests() == 2
        assert world.cli("resume", "default").status == 0
        assert published(world) not in (first, second)
    finally:
        other.close()


def test_a_second_broker_is_told_and_harms_nothing(world, server):
    broker = world.ready_broker(server)
    before = published(world)
    second = world.broker()
    assert second.wait(20) == 3
    assert "another broker" in second.err()
    assert broker.is_running() and published(world) == before
    assert world.cli("refresh", "default", "--wait", "0").status in (0, 10), "the socket is the first's"
    assert broker.status()["pid"] == broker.pid


@pytest.mark.needs_root
def test_a_foreign_runtime_directory_is_left_alone(world, server):
    world.write_config({"default": world.token(server)})
    before = sorted(os.listdir(world.runtime_dir))
    for uid in (OTHER_READER_UID, 0):
        broker = world.broker(uid=uid)
        assert broker.wait(20) == 1
        assert str(world.broker_uid) in broker.err(), "the user to run it as"
    assert sorted(os.listdir(world.runtime_dir)) == before == []
    assert server.requests() == 0


def test_without_a_configuration_it_says_so(world):
    broker = world.broker()
    assert broker.wait(20) == 2
    assert str(world.config_path) in broker.err()


def test_without_tokens_it_is_ready_at_once(world):
    world.write_config({})
    broker = world.broker().wait_ready(5)
    assert broker.status()["tokens"] == []
    assert broker.stop() == 0
    assert json.loads((world.runtime_dir / "status.json").read_text())["tokens"] == []


def test_a_rotated_secret_needs_no_reload(world, server, cli):
    world.ready_broker(server)
    server.set_client(client_secret="the-next-Secret-of-the-client")
    world.write_secret(secret="the-next-Secret-of-the-client")
    wait_until(lambda: cli("refresh", "default").status == 0, 10, "a refresh")
    assert server.outcomes().get("invalid_client", 0) == 0
