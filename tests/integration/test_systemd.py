# SPDX-License-Identifier: MIT
"""What a service manager is told, and what it hands over: readiness, reloads, watchdog, credentials,
journal, exit status."""

import os
import re
import signal
import socket
import subprocess
import time
from contextlib import contextmanager

import pytest

import segment
from broker import Notifications
from tb import BROKER_UID, CLIENT_SECRET, IS_ROOT, wait_until

READY_S = 20  # design.md section 5: READY at the latest so long after the start


def configure(world, server, **keys):
    world.write_config({"default": world.token(server, **keys)})


def is_valid(token):
    return token["state"] == "valid"


@contextmanager
def started_by_a_shell(world, setup):
    """A broker whose environment only it itself can know: its pid, its stderr."""
    notifications = Notifications(world.directory / "notify.shell")
    process = world.process(
        ["sh", "-c", f'{setup} exec "$0" "$@"', world.build / "tokenbrokerd", "--config",
         world.config_path, "--runtime-dir", world.runtime_dir, "--state-dir", world.state_dir],
        "tokenbrokerd", uid=world.broker_uid, env={"NOTIFY_SOCKET": str(notifications.path)})
    try:
        yield process, notifications
    finally:
        process.end()
        notifications.close()


# Readiness


def test_ready_comes_after_the_first_publish(world, server):
    server.order("token", delay_ms=2000)
    configure(world, server)
    broker = world.broker()
    server.wait_requests(1)
    assert not broker.notifications.has("READY=1")
    broker.wait_ready()
    assert segment.STATES[world.segment().current().state] == "valid"
    assert broker.notifications.last_status() == "1 of 1 tokens usable"


def test_a_degraded_start_is_ready_and_says_what_is_missing(world, server):
    server.order("token", fault="reset", count=-1)
    configure(world, server)
    broker = world.broker().wait_ready(10)
    assert broker.notifications.last_status() == "0 of 1 tokens usable; default: network"
    server.clear_orders()
    wait_until(lambda: broker.notifications.last_status() == "1 of 1 tokens usable", 30, "recovery")
    assert broker.notifications.lines().count("READY=1") == 1


def test_one_of_two_tokens_missing_is_named(world, server):
    good = world.token(server)
    bad = world.token(server, "other", client_id="nobody-knows-this-client")
    world.write_config({"default": good, "other": bad})
    broker = world.broker().wait_ready(10)
    assert broker.notifications.last_status() == "1 of 2 tokens usable; other: invalid_client"


def test_a_server_that_never_answers_holds_ready_up_for_20_s_at_most(world, server):
    server.order("token", fault="stall", count=-1)
    configure(world, server, request_timeout=120)
    started = time.monotonic()
    broker = world.broker().wait_ready(READY_S + 10)
    assert READY_S - 1 < time.monotonic() - started < READY_S + 5
    assert broker.notifications.last_status() == \
        "0 of 1 tokens usable; default: waiting for the server"
    assert server.requests() == 1


def test_without_tokens_it_is_ready_at_once(world):
    world.write_config({})
    started = time.monotonic()
    broker = world.broker().wait_ready()
    assert time.monotonic() - started < READY_S / 2
    assert broker.notifications.last_status() == "no tokens are configured"


def test_a_start_with_many_tokens_is_told_no_more_often_than_it_is_written(world, server):
    token = world.token(server)
    world.write_config({f"t{i}": token for i in range(100)})
    started = time.monotonic()
    broker = world.broker().wait_ready()
    assert broker.notifications.last_status() == "100 of 100 tokens usable"
    told = sum(line.startswith("STATUS=") for line in broker.notifications.lines())
    assert told <= 10 * (time.monotonic() - started) + 2, "documents, the first, and READY"


def test_an_adopted_token_makes_it_ready_without_the_server(world, server):
    world.ready_broker(server).stop()
    server.order("token", fault="stall", count=-1)
    broker = world.broker().wait_ready(READY_S / 2)
    assert broker.notifications.last_status() == "1 of 1 tokens usable"
    assert server.requests() == 1


# Reload and stop


def reload_lines(broker):
    """What was said from the last RELOADING=1 on, once READY=1 has followed it."""
    def look():
        lines = broker.notifications.lines()
        if "RELOADING=1" not in lines:
            return None
        last = len(lines) - 1 - lines[::-1].index("RELOADING=1")
        return lines[last:] if "READY=1" in lines[last:] else None
    return wait_until(look, 10, "RELOADING=1 and READY=1")


def test_a_reload_is_announced_with_its_time_and_ended_with_ready(world, server):
    broker = world.ready_broker(server)
    before_us = time.monotonic_ns() // 1000
    broker.reload()
    lines = reload_lines(broker)
    after_us = time.monotonic_ns() // 1000
    assert lines[0] == "RELOADING=1"
    # sd_notify(3): by it the manager knows which reload this is; in the same message.
    assert before_us <= int(lines[1].removeprefix("MONOTONIC_USEC=")) <= after_us
    assert lines.index("READY=1") > 1


def test_a_refused_reload_ends_with_ready_too_and_is_said_in_the_status(world, server):
    broker = world.ready_broker(server)
    good = world.config_path.read_text()
    world.config_path.write_text("no_such_key = 1\n")
    broker.reload()
    reload_lines(broker)
    wait_until(lambda: "reload refused" in broker.notifications.last_status(), 10, "the refusal")
    world.config_path.write_text(good)
    broker.reload()
    wait_until(lambda: broker.notifications.last_status() == "1 of 1 tokens usable", 10, "the end of it")
    assert server.requests() == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_announced_and_ends_with_0(world, server, number):
    broker = world.ready_broker(server)
    assert not broker.notifications.has("STOPPING=1")
    broker.signal(number)
    assert broker.wait() == 0
    wait_until(lambda: broker.notifications.has("STOPPING=1"), 5, "STOPPING=1")


def test_a_stop_during_a_fetch_does_not_wait_for_it(world, server):
    server.order("token", fault="stall")
    configure(world, server, request_timeout=60)
    broker = world.broker()
    server.wait_requests(1)
    assert broker.stop(5) == 0


# Watchdog


def pings(notifications):
    return notifications.lines().count("WATCHDOG=1")


def test_the_watchdog_is_fed_while_the_loop_turns_and_only_then(world):
    world.write_config({})
    with started_by_a_shell(world, "WATCHDOG_USEC=300000 WATCHDOG_PID=$$") as (process, notifications):
        wait_until(lambda: pings(notifications) >= 3, 10, "three pings")
        process.signal(signal.SIGSTOP)
        wait_until(lambda: stopped(process.pid), 5, "the stop")
        fed = pings_that_arrived(notifications)
        assert not becomes_true(lambda: pings(notifications) > fed, 1), "a stopped loop feeds nobody"
        process.signal(signal.SIGCONT)
        wait_until(lambda: pings(notifications) > fed, 10, "the next ping")


def stopped(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "T"


def pings_that_arrived(notifications):
    """With all that was sent before this call: a message of our own is the last in the queue."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"X_MARK=1", str(notifications.path))
    wait_until(lambda: notifications.has("X_MARK=1"), 5, "the mark")
    return pings(notifications)


def becomes_true(condition, seconds):
    try:
        return wait_until(condition, seconds)
    except AssertionError:
        return False


def test_the_watchdog_of_another_process_is_none_of_its_business(world, server):
    server.settings(expires_in=2)  # refreshed every second: the loop has turned for a while
    configure(world, server)
    broker = world.broker(env={"WATCHDOG_USEC": "300000", "WATCHDOG_PID": "1"}).wait_ready()
    server.wait_requests(3)
    assert pings(broker.notifications) == 0


def test_a_slow_server_does_not_starve_the_watchdog(world, server):
    server.order("token", fault="stall", count=-1)
    configure(world, server)
    broker = world.broker(env={"WATCHDOG_USEC": "300000"})
    server.wait_requests(1)
    before = pings(broker.notifications)
    wait_until(lambda: pings(broker.notifications) >= before + 5, 10, "pings during a fetch")
    assert server.requests() == 1


# Log


def test_lines_have_priorities_when_stderr_is_the_journal(world, server):
    server.order("token", status=503)
    configure(world, server)
    journal = 'JOURNAL_STREAM="$(stat -L -c %d:%i /proc/self/fd/2)"'
    with started_by_a_shell(world, journal) as (process, _):
        world.wait_token(is_valid)
        assert process.terminate() == 0
        lines = process.err_lines()
    assert lines and all(re.match(r"<[3-7]>\S", line) for line in lines)
    assert any(re.match("<4>token default: failing: ", line) for line in lines)
    assert any(re.match("<6>ready: ", line) for line in lines)
    assert any(re.match("<6>token default: valid, ", line) for line in lines)


def test_lines_have_the_name_of_the_program_where_stderr_is_something_else(world, server):
    server.order("token", status=503)
    configure(world, server)
    broker = world.broker(env={"JOURNAL_STREAM": "1:1"}).wait_ready()
    broker.wait_token(is_valid)
    lines = broker.err_lines()
    assert lines and all(line.startswith("tokenbrokerd: ") for line in lines)
    assert any(line.startswith("tokenbrokerd: warning: token default: failing") for line in lines)


def test_one_line_tells_of_a_failure_however_often_it_is_retried(world, server):
    broker = ready_with_quick_retries(world, server)
    broker.wait_token(lambda token: token["consecutive_failures"] >= 4, timeout=30)
    failing = [line for line in broker.err_lines() if "failing" in line]
    assert len(failing) == 1 and "503" in failing[0]

    server.clear_orders()
    server.order("token", status=401, body='{"error":"invalid_client"}', count=-1)
    broker.wait_token(lambda token: (token["last_error"] or {})["reason"] == "invalid_client")
    failing = [line for line in broker.err_lines() if "failing" in line]
    assert len(failing) == 2, "another reason is a change"

    server.clear_orders()
    broker.wait_token(is_valid)
    broker.wait_log("token default: valid")
    assert len([line for line in broker.err_lines() if "token default: valid" in line]) == 1


def ready_with_quick_retries(world, server):
    server.order("token", status=503, count=-1)
    configure(world, server, retry_min=1, retry_max=1)
    return world.broker().wait_ready()


def test_refreshes_that_go_well_are_not_told_one_by_one(world, server):
    server.settings(expires_in=2)
    broker = world.ready_broker(server)
    broker.wait_token(lambda token: token["counters"]["fetches"]["ok"] >= 4, timeout=20)
    assert len([line for line in broker.err_lines() if "token default" in line]) == 1


# Credentials


def credential(world, secret=CLIENT_SECRET):
    """As systemd shows it to a service: 0440, readable by the service's user."""
    directory = world.make_directory("credentials", 0o700)
    path = directory / "blueconic"
    path.write_text(secret)
    path.chmod(0o440)
    if IS_ROOT:
        os.chown(path, 0, BROKER_UID)
    return directory


def test_a_secret_comes_from_a_credential(world, server, cli):
    directory = credential(world)
    configure(world, server, client_secret_file="credential:blueconic")
    broker = world.broker(env={"CREDENTIALS_DIRECTORY": str(directory)}).wait_ready()
    broker.wait_token(is_valid)
    assert cli("get", uid=world.reader_uid).status == 0


@pytest.mark.parametrize("has_directory", [True, False])
def test_a_credential_that_is_missing_is_a_degraded_start_with_a_hint(world, server, has_directory):
    directory = credential(world)
    configure(world, server, client_secret_file="credential:not-handed-over")
    env = {"CREDENTIALS_DIRECTORY": str(directory)} if has_directory else {}
    broker = world.broker(env=env).wait_ready(10)
    error = broker.wait_token(lambda token: token["last_error"] is not None)["last_error"]
    assert error["reason"] == "secret_unreadable" and error["message"]
    assert has_directory or "LoadCredential=not-handed-over:" in error["message"]
    assert broker.notifications.last_status() == "0 of 1 tokens usable; default: secret_unreadable"
    assert server.requests() == 0


# Exit status


def ends_without_ready(broker, status):
    assert broker.wait() == status
    assert not broker.notifications.has("READY=1")
    return broker.err()


def test_a_missing_configuration_ends_with_2(world):
    assert str(world.config_path) in ends_without_ready(world.broker(), 2)


def test_a_wrong_configuration_ends_with_2(world, server):
    configure(world, server, retry_min=0)
    assert "retry_min" in ends_without_ready(world.broker(), 2)


def test_a_wrong_option_ends_with_2(world):
    world.write_config({})
    assert "--help" in ends_without_ready(world.broker("--no-such-option"), 2)


def test_a_second_broker_ends_with_3(world, server):
    first = world.ready_broker(server)
    assert ends_without_ready(world.broker(), 3)
    assert first.is_running() and server.requests() == 1


@pytest.mark.needs_root
def test_a_runtime_directory_of_another_user_ends_with_1_and_names_the_user(world):
    world.write_config({})
    text = ends_without_ready(world.broker(uid=BROKER_UID + 100), 1)
    assert str(BROKER_UID) in text
    assert list(world.runtime_dir.iterdir()) == []


@pytest.mark.needs_root
def test_a_proc_without_the_boots_number_is_named(world, server):
    """As with ProcSubset=pid of systemd."""
    hide = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc/sys/kernel/random && exec "$@"', "sh"]
    if subprocess.run([*hide, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no mount namespace can be made here")
    world.write_config({"default": world.token(server)})
    drop = ["setpriv", f"--reuid={world.broker_uid}", f"--regid={world.broker_uid}", "--clear-groups"]
    run = subprocess.run([*hide, *drop, world.build / "tokenbrokerd", "--config", world.config_path, "--runtime-dir",
                          world.runtime_dir, "--state-dir", world.state_dir], capture_output=True, text=True,
                         env=world.environment(), timeout=30, check=False)
    assert run.returncode == 1
    assert "/proc/sys/kernel/random/boot_id cannot be read" in run.stderr
