# SPDX-License-Identifier: MIT
"""Where segments lie: shared memory or a directory, a user's own broker, and memory that is full."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

import control
import segment
from filesystems import fill, leave_room, small_tmpfs
from tb import READER_UID, Process, fingerprint, wait_until
from test_kill import start_next
from test_sharing import start_verifier, verdict

SYSTEM_RUNTIME_DIR = Path("/run/tokenbroker")
NAMES_CHECK_S = 15  # a broker looks for its names so often: segment.md section 6


def ready_broker(world, server, backing="directory", **keys):
    world.write_config({"default": world.token(server, **keys)}, backing=backing)
    broker = start_next(world)
    broker.wait_token(lambda token: token["state"] == "valid")
    return broker


def get(world, name="default", **options):
    """The fingerprint of what readers get."""
    result = world.cli("get", name, uid=world.reader_uid, **options)
    assert result.status == 0, result
    return fingerprint(result.out.strip())


def order_refresh(cli):
    wait_until(lambda: cli("refresh", "default", "--wait", "0").status == 0, 10, "a refresh")


def test_segments_in_shared_memory_have_names_that_cannot_be_guessed(world, server):
    ready_broker(world, server, "shm")
    path = world.segment_path()
    assert os.readlink(world.runtime_dir / "tokens/default") == str(path)
    assert path.parent == segment.SHM and path.name.startswith("tokenbroker.default.")
    assert len(path.name.rsplit(".", 1)[1]) == 16
    assert not (world.runtime_dir / "segments").exists()


def test_segments_in_a_directory_are_reached_by_a_relative_link(world, server):
    ready_broker(world, server)
    target = os.readlink(world.runtime_dir / "tokens/default")
    assert target.startswith("../segments/default.")
    assert world.segment_path().parent == world.runtime_dir / "segments"
    assert segment.shared_memory_of(world.runtime_dir) == []
    assert (world.runtime_dir / "segments").stat().st_mode & 0o7777 == 0o755


@pytest.mark.needs_root
def test_one_bind_mount_serves_a_container(world, server):
    ready_broker(world, server)
    inside = world.make_directory("inside", 0o755)
    subprocess.run(["mount", "--bind", world.runtime_dir, inside], check=True)
    try:
        assert get(world, env={"TOKENBROKER_RUNTIME_DIR": str(inside)}) == get(world)
    finally:
        subprocess.run(["umount", "--lazy", inside], check=True)


@pytest.mark.parametrize("first, second", [("shm", "directory"), ("directory", "shm")])
def test_a_token_moves_from_one_backing_to_the_other(world, server, first, second):
    broker = ready_broker(world, server, first)
    reader = start_verifier(world, 60, world.reader_uid)
    before, path = get(world), world.segment_path()
    world.write_config({"default": world.token(server)}, backing=second)
    assert broker.stop() == 0
    broker = start_next(world)
    assert get(world) == before
    assert server.requests() == 1
    assert (world.segment_path().parent == segment.SHM) == (second == "shm")
    wait_until(lambda: not path.exists(), 10, "the former segment removed")
    order_refresh(world.cli)
    broker.wait_token(lambda token: token["fingerprint"] != before)
    reader.terminate()
    seen = verdict(reader)
    assert seen["errors"] == {} and seen["torn"] == 0 and seen["generation_went_back"] == 0


def test_a_directory_on_a_disk_is_refused(world, server):
    directory = Path(tempfile.mkdtemp(prefix="tb-test.", dir="/var/tmp"))
    try:
        directory.chmod(0o755)
        world.give(directory)
        world.runtime_dir = directory
        world.write_config({"default": world.token(server)}, backing="directory")
        broker = world.broker()
        assert broker.wait(20) == 1
        assert str(directory) in broker.err() and "tmpfs" in broker.err()
        assert server.requests() == 0 and not (directory / "tokens").exists()
    finally:
        shutil.rmtree(directory)


# A user's own broker

class UserRun:
    """tokenbrokerd without options, by a user who has directories for it."""

    def __init__(self, world):
        self.world = world
        self.home = world.make_directory("home", 0o755)
        names = {"XDG_RUNTIME_DIR": "runtime", "XDG_CONFIG_HOME": "config", "XDG_STATE_HOME": "state"}
        self.variables = {variable: str(self.home / name) for variable, name in names.items()}
        for name in ("runtime", "config"):
            world.make_directory(f"home/{name}", 0o755)
        configuration = world.make_directory("home/config/tokenbroker", 0o755)
        world.config_path = configuration / "tokenbroker.conf"
        world.runtime_dir = self.home / "runtime/tokenbroker"
        world.state_dir = self.home / "state/tokenbroker"

    def start(self, program, *arguments, without=()):
        environment = {**self.world.environment(), **self.variables}
        # A library on a host with a broker for all users takes that one.
        if program == "tokenbrokerd" or not SYSTEM_RUNTIME_DIR.exists():
            del environment["TOKENBROKER_RUNTIME_DIR"]
        for variable in without:
            del environment[variable]
        process = Process([self.world.build / program, *arguments], self.world.output, program,
                          uid=self.world.broker_uid, env=environment)
        return self.world.keep(process)


def test_a_user_runs_a_broker_of_their_own(world, server):
    user = UserRun(world)
    world.write_config({"default": world.token(server, readers=[])})
    broker = user.start("tokenbrokerd")
    token = world.wait_token(lambda token: token["state"] == "valid")
    for path, mode in ((world.runtime_dir, 0o755), (world.runtime_dir / "tokens", 0o755),
                       (world.runtime_dir / "control.sock", 0o666), (world.runtime_dir / "lock", 0o600),
                       (world.runtime_dir / "status.json", 0o644)):
        assert path.stat().st_mode & 0o7777 == mode, path
    assert world.segment_path().parent == world.runtime_dir / "segments", "the default backing"

    reader = user.start("tokenbroker", "get")
    assert reader.wait() == 0 and fingerprint(reader.out().strip()) == token["fingerprint"]
    assert user.start("tokenbroker", "suspend", "default").wait() == 0
    marker, = world.state_dir.iterdir()
    assert marker.stat().st_mode & 0o777 == 0o600 and world.state_dir.stat().st_mode & 0o777 == 0o700
    assert broker.terminate() == 0

    user.start("tokenbrokerd")
    world.wait_token(lambda token: token["state"] == "suspended")
    assert user.start("tokenbroker", "get").wait() == 6
    assert server.requests() == 1


def test_a_user_without_a_runtime_directory_is_told_what_to_do(world):
    user = UserRun(world)
    world.write_config({})
    broker = user.start("tokenbrokerd", without=["XDG_RUNTIME_DIR"])
    assert broker.wait(20) != 0
    assert "XDG_RUNTIME_DIR is not set: set it to a private directory on tmpfs" in broker.err()


def test_a_user_without_a_configuration_is_told_where_it_belongs(world):
    user = UserRun(world)
    broker = user.start("tokenbrokerd")
    assert broker.wait(20) == 2
    assert str(world.config_path) in broker.err()


# What is deleted comes back

def delete_link(world, name):
    (world.runtime_dir / "tokens" / name).unlink()


def delete_segment(world, name):
    world.segment_path(name).unlink()


def put_a_strange_link(world, name):
    link = world.runtime_dir / "tokens" / name
    link.unlink()
    link.symlink_to("/dev/shm/tokenbroker.default.0123456789abcdef")


DAMAGES = {"link": delete_link, "segment": delete_segment, "strange-link": put_a_strange_link}


@pytest.mark.parametrize("backing", ["shm", "directory"])
def test_deleted_names_are_published_again_and_no_reader_minds(world, server, backing):
    world.write_config({name: world.token(server, name) for name in DAMAGES}, backing=backing)
    broker = world.broker().wait_ready()
    before = {name: get(world, name) for name in DAMAGES}
    first = {name: world.segment_path(name) for name in DAMAGES}
    readers = [world.process([world.build / "tests/support/verify_reader", "60", name], "verifier",
                             uid=world.reader_uid) for name in DAMAGES]
    for name, damage in DAMAGES.items():
        damage(world, name)
    for name in DAMAGES:
        wait_until(lambda name=name: world.segment_path(name) not in (None, first[name]) and
                   world.segment_path(name).exists(), NAMES_CHECK_S + 10, f"a new segment of {name}")
        assert get(world, name) == before[name]
    assert server.requests() == len(DAMAGES)
    assert broker.err().count("published again") == len(DAMAGES)
    for reader in readers:
        reader.terminate()
        seen = verdict(reader)
        assert seen["torn"] == 0 and seen["reads"] > 0
    wait_until(lambda: not any(path.exists() for path in first.values()), 10, "the old ones removed")


# Memory that is full

@pytest.mark.needs_root
def test_a_token_that_does_not_fit_into_memory_costs_no_good_one(world, server, cli):
    server.settings(token_length=22)
    with small_tmpfs(world, world.runtime_dir, "512k", "0755"):
        broker = ready_broker(world, server)
        before = get(world)
        reader = start_verifier(world, 60)
        filler = fill(world.runtime_dir)
        leave_room(filler, 64 * 1024)  # for status.json, but not for a larger segment
        server.settings(token_length=61440)
        order_refresh(cli)
        token = broker.wait_token(lambda token: token["last_error"] is not None)
        assert token["last_error"]["reason"] == "publish_failed" and token["last_error"]["hint"]
        assert "No space left" in token["last_error"]["message"]
        assert token["failing_since"] and "publish_failed" in cli("status").out
        assert get(world) == before, "readers keep the old one"
        assert "publish_failed" in broker.err()

        filler.unlink()
        wait_until(lambda: get(world) != before, 40, "the new token")
        assert len(cli("get", uid=READER_UID).out.strip()) == 61440
        assert server.requests() == 2, "healed without another fetch"
        broker.wait_token(lambda token: token["failing_since"] is None and
                          token["fingerprint"] == get(world))
        assert "publish_failed" not in cli("status").out
        reader.terminate()
        seen = verdict(reader)
        assert seen["errors"] == {} and seen["torn"] == 0
        assert broker.stop() == 0


@contextlib.contextmanager
def token_that_does_not_fit(world, server, **settings):
    """A broker whose next token needs a larger segment than memory has room for."""
    server.settings(token_length=22)
    with small_tmpfs(world, world.runtime_dir, "512k", "0755"):
        broker = ready_broker(world, server, **settings)
        filler = fill(world.runtime_dir)
        leave_room(filler, 64 * 1024)
        server.settings(token_length=61440)
        yield broker, filler
        assert broker.stop() == 0


@pytest.mark.needs_root
def test_a_replaced_token_lives_while_its_successor_cannot_be_published(world, server, cli):
    with token_that_does_not_fit(world, server, revoke_replaced_after=0) as (broker, filler):
        before = get(world)
        order_refresh(cli)
        broker.wait_token(lambda token: token["last_error"] is not None)
        assert get(world) == before
        assert [one["fingerprint"] for one in broker.token_status()["pending_revocations"]] == [before]
        assert before in server.active(), "readers have it, so it is not revoked"
        filler.unlink()
        wait_until(lambda: get(world) != before, 40, "the new token")
        wait_until(lambda: before not in server.active(), 10, "the revocation of the old one")


@pytest.mark.needs_root
def test_an_ordered_revocation_withdraws_what_has_no_successor_in_memory(world, server, cli):
    with token_that_does_not_fit(world, server) as (broker, filler):
        before = get(world)
        assert world.control(control.REVOKE).result == "accepted"
        wait_until(lambda: before not in server.active(), 10, "the revocation")
        assert cli("get", uid=READER_UID).status == 4, "no reader has a revoked token"
        broker.wait_log("successor could not be published")
        filler.unlink()
        wait_until(lambda: cli("get", uid=READER_UID).status == 0, 40, "the successor")
        assert server.requests() == 2


@pytest.mark.needs_root
def test_a_suspension_revokes_the_token_that_is_out_and_the_one_that_waits(world, server, cli):
    with token_that_does_not_fit(world, server) as (broker, filler):
        order_refresh(cli)
        broker.wait_token(lambda token: token["last_error"] is not None)
        assert len(server.active()) == 2
        assert world.control(control.SUSPEND).result == "accepted"
        wait_until(lambda: not server.active(), 10, "both revocations")
        assert cli("get", uid=READER_UID).status == 6


@pytest.mark.needs_root
def test_with_no_memory_at_all_tokens_are_refreshed_and_suspended_in_place(world, server, cli):
    with small_tmpfs(world, world.runtime_dir, "512k", "0755"):
        broker = ready_broker(world, server)
        before = get(world)
        filler = fill(world.runtime_dir)
        wait_until(lambda: world.control(control.REFRESH).result == "accepted", 10, "a refresh")
        wait_until(lambda: get(world) != before, 10, "the next token")
        assert world.control(control.SUSPEND).result == "accepted"
        assert cli("get", uid=READER_UID).status == 6
        assert broker.is_running()

        filler.unlink()
        broker.wait_token(lambda token: token["state"] == "suspended", timeout=30)
        assert world.control(control.RESUME).result == "accepted"
        wait_until(lambda: cli("get", uid=READER_UID).status == 0, 10, "a token after the resume")
        assert broker.stop() == 0


@pytest.mark.needs_root
def test_a_start_into_full_memory_heals_by_itself(world, server, cli):
    with small_tmpfs(world, world.runtime_dir, "512k", "0755"):
        world.write_config({"default": world.token(server)}, backing="directory")
        server.settings(token_length=61440)
        filler = fill(world.runtime_dir)
        leave_room(filler, 64 * 1024)
        broker = start_next(world)
        token = broker.wait_token(lambda token: token["last_error"] is not None)
        assert token["last_error"]["reason"] == "publish_failed"
        assert cli("get", uid=READER_UID).status in (3, 4)
        filler.unlink()
        wait_until(lambda: cli("get", uid=READER_UID).status == 0, 40, "the token")
        assert server.requests() == 1
        assert json.loads(cli("info", "--json", uid=READER_UID).out)["generation"] > 0
        assert broker.stop() == 0
