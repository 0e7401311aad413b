# SPDX-License-Identifier: MIT
"""Threads that cannot be started: libcurl resolves names in one, and one closes control connections."""

import resource
import time

import control
import scarce_cgroups
from filesystems import own_file
from limits import limited
from proof import Readers
from tb import READER_UID, fingerprint, wait_until

HOST = "token-server.test"  # never in a name service: RFC 6761


def _get(world):
    return fingerprint(world.cli("get", uid=READER_UID).out.strip())


def _fetch_without_thread(world, broker, before):
    """(whether the status said so and readers kept the token, ms until the next one was there)"""
    with limited(broker, resource.RLIMIT_NPROC, 1):
        wait_until(lambda: world.control(control.REFRESH).result == "accepted", 10, "a refresh")
        token = broker.wait_token(lambda token: token["failing_since"] is not None)
        is_said = token["state"] == "valid" and token["last_error"]["reason"] == "network" and _get(world) == before
    freed = time.monotonic()
    wait_until(lambda: _get(world) != before, 30, "the next token")
    return is_said, round((time.monotonic() - freed) * 1000)


def _start_without_thread(world):
    """(exit status, whether it said why)"""
    broker = world.process(["prlimit", "--nproc=1", world.build / "tokenbrokerd", "--config", world.config_path,
                            "--runtime-dir", world.runtime_dir, "--state-dir", world.state_dir], "threadless",
                           uid=world.broker_uid)
    return broker.wait(20), "thread" in broker.err()


def _named_server(world):
    """(keys of a token whose server must be looked up by name)"""
    tls = world.tls(names=f"DNS:{HOST},IP:127.0.0.1")
    server = world.auth_server(tls=tls)
    keys = {key: getattr(server, key).replace("127.0.0.1", HOST) for key in ("token_url", "revoke_url")}
    return server, {"ca_file": tls.ca, "allow_http": False, **keys}


def no_threads(case, world, tries):
    server, keys = _named_server(world)
    with own_file("/etc/hosts", f"127.0.0.1 localhost {HOST}\n"):
        broker = world.ready_broker(server, **keys)
        readers = Readers(world)
        outcomes = []
        for _ in range(tries):
            outcomes.append(_fetch_without_thread(world, broker, _get(world)))
            broker.wait_token(lambda token: token["failing_since"] is None)
        ended_well = broker.stop() == 0
        starts = [_start_without_thread(world) for _ in range(tries)]
    case.each("fetches that could not resolve a name, and came later", len(outcomes), tries)
    case.each("  the status said so, readers kept the token", sum(is_said for is_said, _ in outcomes), tries)
    case.each("  one line in the log", sum("failing: network" in line for line in broker.err_lines()), tries)
    case.at_most("  slowest recovery, ms", max(ms for _, ms in outcomes), 10000)
    case.each("the broker ended well", int(ended_well), 1)
    case.each("starts that were refused and said why", starts.count((1, True)), tries)
    readers.tell(case)


def no_processes(case, world, tries):
    """The same by the limit of a control group, which counts threads, too."""
    server, keys = _named_server(world)
    with own_file("/etc/hosts", f"127.0.0.1 localhost {HOST}\n"):
        broker = world.ready_broker(server, **keys)
        readers = Readers(world)
        scarce_cgroups.processes(case, world, broker, tries)
    readers.tell(case)
