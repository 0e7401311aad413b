# SPDX-License-Identifier: MIT
"""The command line against a running broker: what people and scripts do, and exit statuses."""

import json
import os
import re
import signal
import time

import pytest

import control
from tb import READER_UID, STRANGER_UID, as_uid, fingerprint, wait_until
from test_sharing import SLICE_S

ADMIN_GROUP = 20002
HTTP_UID = 10005
COMMANDS = ("refresh", "revoke", "suspend", "resume")


def done(cli, *command):
    """Commands that need a fetch may come too soon after the last one."""
    def is_done():
        result = cli(*command)
        assert result.status in (0, 10), result
        return result.status == 0
    wait_until(is_done, 10, " ".join(command))


def shown(cli, name="default"):
    """What `tokenbroker status` shows at this very moment, without waiting for anything."""
    result = cli("status", "--json")
    assert result.status == 0, result
    return next(token for token in json.loads(result.out)["tokens"] if token["name"] == name)


def read(world):
    """The token as a reader gets it."""
    result = world.cli("get", uid=world.reader_uid)
    assert result.status == 0, result
    return result.out.strip()


def revoked(world, number):
    return world.wait_token(lambda token: token["counters"]["revocations"]["ok"] >= number,
                            timeout=20)


def as_admin(world, *arguments, gid=STRANGER_UID, groups=""):
    """The command line of a stranger, a member of groups."""
    identity = ["--reuid", STRANGER_UID, "--regid", gid]
    identity += ["--groups", groups] if groups else ["--clear-groups"]
    program = world.build / "tokenbroker"
    process = world.process(["setpriv", *identity, program, *arguments], "admin")
    return process.wait(60)


# refresh

def test_a_refresh_is_over_when_the_command_is(world, server, cli):
    broker = world.ready_broker(server)
    before = broker.token_status()
    old = fingerprint(read(world))
    done(cli, "refresh", "default")
    after = shown(cli)
    assert after["generation"] == before["generation"] + 1
    assert after["fingerprint"] == fingerprint(read(world)) != old
    assert server.requests() == 2 and server.requests("revoke") == 0


def test_a_refresh_too_soon_is_told_when_to_come_again(world, server, cli):
    world.ready_broker(server, retry_min=60, retry_max=60)
    result = cli("refresh", "default")
    assert (result.status, result.out) == (10, "")
    assert 0 < int(re.search(r"try again in (\d+) ms", result.err)[1]) <= 60000
    assert server.requests() == 1


def test_a_refresh_that_fails_says_why_and_keeps_the_token(world, server, cli):
    world.ready_broker(server)
    old = fingerprint(read(world))
    server.order("token", status=503, count=-1)
    wait_until(lambda: cli("refresh", "default", "--wait", "0").status == 0, 10, "a refresh")
    server.wait_requests(2)
    result = wait_until(lambda: (r := cli("refresh", "default")).status == 1 and r, 10, "a failure")
    assert "503" in result.err
    assert fingerprint(read(world)) == old
    assert shown(cli)["last_error"]["http_status"] == 503


# revoke

def test_revoke_publishes_a_successor_before_the_old_token_dies(world, server, cli):
    broker = world.ready_broker(server)
    before = broker.token_status()["generation"]
    old = read(world)
    assert cli("revoke", "default").status == 0
    after = shown(cli)
    assert after["state"] == "valid" and after["generation"] == before + 1
    assert after["counters"]["revocations"] == {"ok": 1, "failed": 0}
    assert after["pending_revocations"] == []
    assert (server.api_status(old), server.api_status(read(world))) == (401, 200)
    assert server.active() == {after["fingerprint"]}
    assert "readers have none" not in broker.err(), "there was no gap"


def test_revoke_of_a_token_that_the_server_hands_out_again_leaves_a_gap(world, server, cli):
    broker = world.ready_broker(server)
    old = read(world)
    server.order("token", same_token=True, count=1)
    assert cli("revoke", "default").status == 0
    broker.wait_log("readers have none")
    token = broker.wait_token(lambda token: token["state"] == "valid")
    assert (server.api_status(old), server.api_status(read(world))) == (401, 200)
    assert token["fingerprint"] != fingerprint(old)


def test_revoke_while_the_server_is_down_withdraws_and_is_made_up_for(world, server, cli):
    world.ready_broker(server, connect_timeout=2, request_timeout=2, retry_max=2)
    old = read(world)
    server.order("token", status=503, count=-1)
    server.order("revoke", status=503, count=-1)
    result = cli("revoke", "default")
    assert result.status == 1 and "not confirmed" in result.err
    assert cli("get", uid=world.reader_uid).status == 4
    assert shown(cli)["pending_revocations"][0]["fingerprint"] == fingerprint(old)

    server.clear_orders()
    revoked(world, 1)
    world.wait_token(lambda token: token["state"] == "valid")
    assert (server.api_status(old), server.api_status(read(world))) == (401, 200)


def test_without_a_revocation_address_revoke_is_refused_and_suspend_withdraws(world, server, cli):
    broker = world.ready_broker(server, revoke_url=None)
    result = cli("revoke", "default")
    assert result.status == 10 and "revoke_url" in result.err
    assert server.api_status(read(world)) == 200 and server.requests() == 1

    assert cli("suspend", "default").status == 0
    assert cli("get", uid=world.reader_uid).status == 6
    broker.wait_log("without revoke_url it lives at the server")
    assert server.requests("revoke") == 0


# suspend and resume

def test_a_suspension_lasts_until_it_is_resumed(world, server, cli):
    broker = world.ready_broker(server)
    old = read(world)
    assert cli("suspend", "default").status == 0
    assert cli("get", uid=world.reader_uid).status == 6
    assert shown(cli)["state"] == "suspended"
    revoked(world, 1)
    assert server.api_status(old) == 401
    assert cli("suspend", "default").status == 0, "once more is the same"

    assert broker.stop() == 0
    assert cli("get", uid=world.reader_uid).status == 6
    broker = world.broker().wait_ready()
    assert cli("get", uid=world.reader_uid).status == 6
    assert shown(cli)["state"] == "suspended"
    assert server.requests() == 1, "nothing was fetched meanwhile"
    assert cli("suspend", "default").status == 0

    assert cli("resume", "default").status == 0
    assert shown(cli)["state"] == "valid" and server.api_status(read(world)) == 200
    assert cli("resume", "default").status == 0, "once more is the same"
    assert server.requests() == 2


def test_a_suspension_outlives_a_broker_that_was_killed(world, server, cli):
    world.may_leave_segments = True
    broker = world.ready_broker(server)
    assert cli("suspend", "default").status == 0
    broker.kill()
    broker = world.broker().wait_ready()
    assert cli("get", uid=world.reader_uid).status == 6
    assert broker.token_status()["state"] == "suspended" and server.requests() == 1


def test_a_suspended_token_takes_no_other_command(world, server, cli):
    broker = world.ready_broker(server)
    generation = str(broker.token_status()["generation"])
    assert cli("suspend", "default").status == 0
    for command in ("refresh", "revoke"):
        result = cli(command, "default")
        assert result.status == 10 and "resume" in result.err
    assert cli("reject", "default", generation, uid=world.reader_uid).status == 6
    assert cli("wait", "--timeout", "0.2", uid=world.reader_uid).status == 9
    assert server.requests() == 1


# Who may

@pytest.mark.needs_root
def test_a_reader_is_no_admin(world, server, cli):
    broker = world.ready_broker(server)
    for command in COMMANDS:
        result = cli(command, "default", uid=READER_UID)
        assert result.status == 7 and "admins" in result.err
    assert broker.token_status()["state"] == "valid"
    assert (server.requests(), server.requests("revoke")) == (1, 0)
    line = broker.wait_log("audit: refresh of token default")
    assert str(READER_UID) in line and "denied" in line


@pytest.mark.needs_root
def test_admins_by_group_and_supplementary_group(world, server):
    world.write_config({"default": world.token(server)}, admins=[f"@{ADMIN_GROUP}"])
    broker = world.broker().wait_ready()
    broker.wait_token(lambda token: token["state"] == "valid")
    assert as_admin(world, "suspend", "default") == 7
    assert as_admin(world, "suspend", "default", groups=str(ADMIN_GROUP)) == 0
    assert as_admin(world, "resume", "default", gid=ADMIN_GROUP) == 0
    assert as_admin(world, "get") == 7, "who may command need not be able to read"
    broker.wait_log("audit: resume of token default")


@pytest.mark.needs_root
def test_only_the_http_user_speaks_for_others(world, server):
    world.write_config({"default": world.token(server)}, admins=[str(STRANGER_UID)],
                       http={"user": str(HTTP_UID)})
    broker = world.broker().wait_ready()
    broker.wait_token(lambda token: token["state"] == "valid")

    def suspend(sender, origin, uid=0):
        answer = as_uid(sender, lambda: control.command(
            world.runtime_dir, control.SUSPEND, origin=origin, uid=uid, gid=uid))
        return answer.result

    assert suspend(HTTP_UID, control.USER, READER_UID) == "denied"
    assert suspend(HTTP_UID, control.SELF) == "denied"
    assert suspend(READER_UID, control.USER, STRANGER_UID) == "denied"
    assert suspend(READER_UID, control.ACCESS_TOKEN) == "denied"
    assert broker.token_status()["state"] == "valid"

    assert suspend(HTTP_UID, control.USER, STRANGER_UID) == "accepted"
    assert world.control(control.RESUME).result == "accepted"
    assert suspend(HTTP_UID, control.ACCESS_TOKEN) == "accepted"
    lines = [line for line in broker.err_lines() if "audit: suspend" in line]
    assert len(lines) == 6


# What is not there

def test_an_unknown_token_and_a_missing_broker_have_statuses_of_their_own(world, server, cli):
    assert cli("get").status == 3, "no broker has ever run"
    assert cli("status").status == 3
    broker = world.ready_broker(server)
    for command in (*COMMANDS, "get", "info", "wait"):
        result = cli(command, "unknown")
        assert (result.status, result.out) == (3, "") and result.err
    assert broker.stop() == 0
    for command in COMMANDS:
        result = cli(command, "default")
        assert result.status == 8 and "not running" in result.err
    assert cli("get", uid=world.reader_uid).status == 0


def test_a_command_waits_no_longer_than_told_for_a_broker_that_hangs(world, server, cli):
    broker = world.ready_broker(server)
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        before = time.monotonic()
        result = cli("refresh", "default", "--wait", "0.5")
        assert time.monotonic() - before < 5
        assert result.status == 9 and "no answer" in result.err
    finally:
        os.kill(broker.pid, signal.SIGCONT)


def test_status_tells_when_its_document_is_old(world, server, cli):
    broker = world.ready_broker(server)
    table = cli("status")
    assert table.status == 0 and re.search(r"^default +valid ", table.out, re.MULTILINE)
    broker.kill()
    world.may_leave_segments = True
    path = world.runtime_dir / "status.json"
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 60))
    old = cli("status")
    assert old.status == 8 and "stopped or stuck" in old.err and "default" in old.out


@pytest.mark.parametrize("arguments", [
    [], ["nonsense"], ["get", "two", "names"], ["get", "Bad/Name"], ["get", "--format", "xml"],
    ["get", "--min-remaining", "-1"], ["get", "--wait"], ["refresh"], ["reject", "default"],
    ["reject", "default", "0"], ["run"], ["wait", "--after", "x"], ["status", "--unknown"],
    ["--version", "junk"], ["--help", "junk"], ["--unknown"],
], ids=" ".join)
def test_wrong_usage_is_2_with_a_message(cli, arguments):
    result = cli(*arguments)
    assert (result.status, result.out) == (2, "") and result.err


@pytest.mark.parametrize("arguments, env, message", [
    (["get", "--format", "xml"], {}, "'xml' is not raw, header, json or curl-config"),
    (["get"], {"TOKENBROKER_RUNTIME_DIR": "x"}, "TOKENBROKER_RUNTIME_DIR is not an absolute path"),
    (["status"], {"TOKENBROKER_RUNTIME_DIR": "x"}, "TOKENBROKER_RUNTIME_DIR is not an absolute path"),
    (["get"], {"TOKENBROKER_TOKEN": "A.B"}, "TOKENBROKER_TOKEN: 'A.B' is not a token name"),
], ids=("format", "directory of get", "directory of status", "name"))
def test_wrong_usage_names_what_is_wrong(cli, arguments, env, message):
    result = cli(*arguments, env=env)
    assert (result.status, result.out) == (2, "") and message in result.err


# get, wait and run

def test_get_prints_the_token_as_it_is_asked_for(world, server, cli):
    broker = world.ready_broker(server)
    generation = broker.token_status()["generation"]

    def get(*arguments):
        result = cli("get", *arguments, uid=world.reader_uid)
        assert result.status == 0 and result.err == "" and result.out.count("\n") == 1
        return result.out.rstrip("\n")

    raw = fingerprint(get())
    assert fingerprint(get("default", "--format", "raw")) == raw
    assert fingerprint(get("--format", "header").removeprefix("Authorization: Bearer ")) == raw
    line = re.fullmatch('oauth2-bearer = "(.*)"', get("--format", "curl-config"))
    assert fingerprint(line[1]) == raw
    document = json.loads(get("--format", "json"))
    assert fingerprint(document.pop("access_token")) == raw
    assert 0 < document.pop("remaining_ms") <= 3600000
    assert document == {"token_type": "Bearer", "generation": generation,
                        "expires_at": broker.token_status()["expires_at"]}
    info = json.loads(cli("info", "--json", uid=world.reader_uid).out)
    assert (info["name"], info["state"], info["generation"]) == ("default", "valid", generation)


def test_get_gives_no_token_that_lives_too_short(world, server, cli):
    world.ready_broker(server)
    assert cli("get", "--min-remaining", "60", uid=world.reader_uid).status == 0
    result = cli("get", "--min-remaining", "36000", uid=world.reader_uid)
    assert (result.status, result.out) == (5, "")


def test_get_waits_for_a_broker_that_starts_later(world, server, cli):
    waiting = cli.start("get", "--wait", "30", uid=world.reader_uid)
    world.ready_broker(server)
    assert waiting.wait(30) == 0 and fingerprint(waiting.out().strip()) in server.active()


def test_wait_returns_with_the_next_generation(world, server, cli):
    broker = world.ready_broker(server)
    generation = broker.token_status()["generation"]
    uid = world.reader_uid
    assert cli("wait", uid=uid).out == f"{generation}\n", "there is a token"
    late = cli("wait", "--after", str(generation), "--timeout", "0.2", uid=uid)
    assert (late.status, late.out) == (9, "")

    waiting = cli.start("wait", "--after", str(generation), "--timeout", "60", uid=uid)
    done(cli, "refresh", "default")
    assert waiting.wait(SLICE_S + 5) == 0
    assert waiting.out() == f"{generation + 1}\n"


def test_wait_with_a_timeout_waits_for_a_broker_that_starts_later(world, server, cli):
    waiting = cli.start("wait", "--timeout", "30", uid=world.reader_uid)
    broker = world.ready_broker(server)
    assert waiting.wait(30) == 0
    assert waiting.out() == f"{broker.token_status()['generation']}\n"
    assert cli("wait", "unknown", "--timeout", "0.3").status == 3


def start_run(world, *command):
    return world.cli.start("run", "--", *command, uid=world.reader_uid,
                           env={"XDG_RUNTIME_DIR": ""})


def file_of(process):
    """What a command of `tokenbroker run` printed as its BEARER_TOKEN_FILE."""
    return wait_until(lambda: process.out().endswith("\n") and process.out().strip(), 10,
                      "the name of the file")


def in_file(path):
    """The fingerprint of the token in it, or None without it."""
    try:
        with open(path, encoding="ascii") as file:
            return fingerprint(file.read().strip())
    except FileNotFoundError:
        return None


def test_run_keeps_a_private_file_that_follows_the_token(world, server, cli):
    world.ready_broker(server)
    running = start_run(world, "sh", "-c", 'echo "$BEARER_TOKEN_FILE"; exec sleep 60')
    path = file_of(running)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700
    assert in_file(path) == fingerprint(read(world))

    done(cli, "refresh", "default")
    new = fingerprint(read(world))
    wait_until(lambda: in_file(path) == new, 10, "the new token in the file")
    assert cli("suspend", "default").status == 0
    wait_until(lambda: in_file(path) is None, 10, "the end of the file")
    assert cli("resume", "default").status == 0
    wait_until(lambda: in_file(path) is not None, 10, "the file again")

    running.signal(signal.SIGTERM)
    assert running.wait() == 128 + signal.SIGTERM
    assert not os.path.exists(os.path.dirname(path))


@pytest.mark.parametrize("command, status", [
    (["sh", "-c", "exit 42"], 42), (["sh", "-c", "kill -USR1 $$"], 128 + signal.SIGUSR1),
    (["/nonexistent/program"], 127), (["/etc/passwd"], 126),
], ids=["exits", "is killed", "is not there", "is no program"])
def test_run_ends_as_its_command_does(world, server, command, status):
    world.ready_broker(server)
    assert start_run(world, *command).wait() == status


def test_run_starts_nothing_without_a_token(world, server, cli):
    world.ready_broker(server)
    assert cli("suspend", "default").status == 0
    running = start_run(world, "touch", world.directory / "started")
    assert running.wait() == 6
    assert not (world.directory / "started").exists()


def test_run_sweeps_what_a_killed_run_left(world, server):
    world.ready_broker(server)
    running = start_run(world, "sh", "-c", 'echo "$BEARER_TOKEN_FILE"; exec sleep 60')
    path = file_of(running)
    running.kill()
    assert os.path.exists(path)
    assert start_run(world, "true").wait() == 0
    assert not os.path.exists(os.path.dirname(path))
