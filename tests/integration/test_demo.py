# SPDX-License-Identifier: MIT
"""`make demo`: tells its story, proves it, and leaves nothing behind."""

import re
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

import segment
from conftest import ROOT
from tb import IS_ROOT, STRANGER_UID, fingerprint, is_whole, wait_until

STEPS = 9
TOKEN_LIKE = re.compile(r"[A-Za-z0-9._~+/=-]{20,}")


@pytest.fixture
def programs(built):
    """The part of a build directory that the demo runs, open to every user."""
    with tempfile.TemporaryDirectory(prefix="tb-demo.") as directory:
        to = Path(directory)
        to.chmod(0o755)
        for name in ("tokenbrokerd", "tokenbroker-httpd", "tokenbroker", "tests/support/auth_server",
                     "tests/support/verify_reader", "examples/loop"):
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(built / name, to / name)
        shutil.copy(ROOT / "tests/support/demo.sh", to)
        yield to


def session_of(path):
    """The session of a process, given its directory in /proc; None if it has ended."""
    try:
        state, _, _, session = (path / "stat").read_text().rpartition(")")[2].split()[:4]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state == "Z" else int(session)


def runtime_dir_in(path):
    """What a process has as TOKENBROKER_RUNTIME_DIR, if it has one and may be asked."""
    try:
        variables = (path / "environ").read_bytes().split(b"\0")
    except OSError:
        return None
    name = b"TOKENBROKER_RUNTIME_DIR="
    return next((variable.removeprefix(name).decode() for variable in variables
                 if variable.startswith(name + b"/dev/shm/tokenbroker-demo.")), None)


class Demo:
    """One run of demo.sh, a session of its own."""

    def __init__(self, world, programs, uid=None, **variables):
        env = {"TB_BUILD": str(programs), "HOME": "/nonexistent", **variables}
        self.process = world.process(["bash", programs / "demo.sh"], "demo", uid=uid, env=env)
        runtime_dir = wait_until(self._runtime_dir, 20, "the runtime directory of the demo")
        self.runtime_dir = Path(runtime_dir)
        self.directory = self.runtime_dir.parent
        secret = self.directory / "secret"
        wait_until(lambda: secret.exists() and secret.stat().st_size > 0, 10, "the secret")
        self.secret = secret.read_text()

    def processes(self):
        return [path for path in Path("/proc").glob("[0-9]*")
                if session_of(path) == self.process.pid]

    def _runtime_dir(self):
        return next((found for path in self.processes() if (found := runtime_dir_in(path))), None)

    def out(self):
        return self.process.out() + self.process.err()

    def read_token(self, cli):
        """The token of the moment, while there is one."""
        env = {"TOKENBROKER_RUNTIME_DIR": str(self.runtime_dir)}
        return wait_until(lambda: cli("get", env=env).out.strip(), 20, "a token of the demo")

    def assert_nothing_is_left(self):
        wait_until(lambda: self.processes() == [], 5, "the end of all processes")
        assert not self.directory.exists()
        assert segment.shared_memory_of(self.runtime_dir) == []

    def assert_nothing_is_told(self):
        out = self.out()
        assert self.secret and self.secret not in out
        told = [fingerprint(word) for word in TOKEN_LIKE.findall(out) if is_whole(word)]
        assert told == [], "tokens are named by their fingerprint"

    def assert_all_was_true(self):
        status = self.process.wait(100)
        assert status == 0, self.out()
        assert self.process.out().endswith("\nAll of it was true.\n")
        assert self.process.err() == ""
        steps = re.findall(r"^(\d+)\. ", self.process.out(), re.MULTILINE)
        assert steps == [str(number + 1) for number in range(STEPS)]
        assert not re.search(r"^   NO ", self.process.out(), re.MULTILINE)


def test_the_demo_of_a_user(world, programs, cli):
    demo = Demo(world, programs, uid=STRANGER_UID if IS_ROOT else None)
    assert is_whole(demo.read_token(cli)), "a token in the output would be recognised"
    demo.assert_all_was_true()
    demo.assert_nothing_is_told()
    demo.assert_nothing_is_left()


@pytest.mark.needs_root
def test_demos_of_root_twice_at_once(world, programs):
    demos = [Demo(world, programs), Demo(world, programs)]
    for demo in demos:
        demo.assert_all_was_true()
        assert "refused (exit 7)" in demo.process.out()
        demo.assert_nothing_is_told()
        demo.assert_nothing_is_left()


def test_a_demo_that_is_kept_can_be_explored_until_it_is_ended(world, programs):
    demo = Demo(world, programs, KEEP="1")
    wait_until(lambda: "Ctrl-C ends it" in demo.process.out(), 100, "the invitation")
    lines = re.findall(r"^    (export .*|tokenbroker .*)$", demo.process.out(), re.MULTILINE)
    export, *commands = [line.replace(" --watch", "") for line in lines]
    assert len(commands) == 3 and "refresh" in commands[-1]

    def typed(*typed_lines):
        text = "\n".join([export, *typed_lines])
        shell = world.process(["bash", "-eo", "pipefail", "-c", text], "shell")
        shell.wait()
        return shell

    demo.read_token(world.cli)
    shell = typed(*commands[:-1])
    assert shell.wait() == 0 and "valid" in shell.out(), shell.err()
    wait_until(lambda: typed(commands[-1]).wait() == 0, 10, "a refresh, a second after the last")
    assert demo.process.is_running()
    demo.process.signal(signal.SIGTERM)
    assert demo.process.wait() == 128 + signal.SIGTERM
    demo.assert_nothing_is_told()
    demo.assert_nothing_is_left()


def test_a_demo_that_is_interrupted_cleans_up(world, programs, cli):
    demo = Demo(world, programs)
    demo.read_token(cli)
    demo.process.signal(signal.SIGTERM)
    assert demo.process.wait() == 128 + signal.SIGTERM
    demo.assert_nothing_is_left()


def test_a_demo_whose_story_is_not_true_says_so(world, programs):
    (programs / "examples/loop").write_text("#!/bin/sh\nexit 1\n")
    demo = Demo(world, programs)
    assert demo.process.wait(100) == 1
    assert "Not all of it was true." in demo.process.out()
    demo.assert_nothing_is_left()
