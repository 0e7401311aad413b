# SPDX-License-Identifier: MIT
"""Brokers to be measured: a world of the integration tests with as many tokens as are wanted."""

import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import tb

# Tokens as servers give them: 300 bytes.
TOKEN_BYTES = 300


@contextmanager
def world(build):
    """Its directories are gone afterwards and its processes ended, whatever has happened."""
    made = tb.World(build)
    try:
        yield made
    finally:
        made.close()


def auth_server(made, tls=None, **settings):
    server = made.auth_server(tls=tls)
    server.settings(**{"token_length": TOKEN_BYTES, **settings})
    return server


def write_config(made, server, count, top=None, **keys):
    """count tokens of server: default, t1, t2...; they share one secret file."""
    first = made.token(server, **keys)
    names = ["default", *(f"t{i}" for i in range(1, count))]
    made.write_config({name: first for name in names}, **(top or {}))
    return names


def broker_argv(made):
    return [made.build / "tokenbrokerd", "--config", made.config_path, "--runtime-dir", made.runtime_dir,
            "--state-dir", made.state_dir]


def wait_all_valid(made, count, timeout):
    """All of count tokens are usable; the status that says so."""
    return made.wait_status(lambda status: sum(token["state"] == "valid" for token in status["tokens"]) == count,
                            timeout)


def request_curl(made, server, times=1, options=()):
    """The broker's request, as often as it is told to, by curl, which finds the secret in a file."""
    form = made.directory / "form"
    urls = made.directory / f"urls.{times}"
    form.write_text(f"grant_type=client_credentials&client_id={tb.CLIENT_ID}&client_secret={tb.CLIENT_SECRET}")
    form.chmod(0o600)
    urls.write_text(f'url = "{server.token_url}"\noutput = "/dev/null"\n' * times)
    for path in (form, urls):
        made.give(path)
    parallel = ["--parallel", "--parallel-max", "16"] if times > 1 else []
    return ["curl", "--disable", "--silent", "--fail", "--noproxy", "*", "--http1.1", *parallel, *map(str, options),
            "--data", f"@{form}", "--header", "Accept: application/json", "--config", str(urls)]


def forget_tokens(made):
    """As after a reboot: no segments and no links to them."""
    for link in (made.runtime_dir / "tokens").glob("*"):
        link.resolve().unlink(missing_ok=True)
        link.unlink()


def first_tokens(made, count, *commands):
    """[broker, a command, ...], each {ms, cpu_ms}: of the broker from its start until a reader has all tokens, of
    a command from its start to its end. With on_stop = revoke the next broker starts without them."""
    identity = {"user": made.broker_uid, "group": made.broker_uid, "extra_groups": []} if tb.IS_ROOT else {}
    words = [word for command in commands for word in ("--", *command)]
    run = subprocess.run([made.build / "bench/first_token", str(count), *broker_argv(made), *words],
                         env=made.environment(), check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         timeout=300, **identity)
    told = json.loads(run.stdout)
    assert told["length"] == TOKEN_BYTES, told
    return [{"ms": taken["ns"] / 1e6, "cpu_ms": taken["cpu_ns"] / 1e6}
            for taken in (told["broker"], *told["commands"])]


# What the kernel counts of a process.

def _fields(path):
    lines = (line.split(":", 1) for line in Path(path).read_text().splitlines() if ":" in line)
    return {name: value.split()[0] for name, value in lines if value.split()}


def memory_kib(pid):
    """{resident, private, locked}: private is what this process alone pays for, without its segments."""
    status = _fields(f"/proc/{pid}/status")
    rollup = _fields(f"/proc/{pid}/smaps_rollup")
    private = int(rollup["Private_Clean"]) + int(rollup["Private_Dirty"])
    return {"resident": int(status["VmRSS"]), "private": private, "locked": int(status["VmLck"])}


def sleeps(pid):
    """How often its threads have gone to sleep, and so been woken."""
    return sum(int(_fields(task / "status")["voluntary_ctxt_switches"])
               for task in Path(f"/proc/{pid}/task").iterdir())


def cpu_seconds(pid):
    """User and system time so far; /proc/PID/schedstat counts nanoseconds, /proc/PID/stat only ticks."""
    return sum(int((task / "schedstat").read_text().split()[0])
               for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def segments_kib(made):
    """What the segments take in shared memory."""
    links = (made.runtime_dir / "tokens").glob("*")
    return sum(os.stat(link).st_blocks * 512 for link in links) // 1024
