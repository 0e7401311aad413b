# SPDX-License-Identifier: MIT
"""`tokenbroker status --watch`: in a terminal and in a pipe."""

import os
import pty
import select
import signal
import subprocess
import time

import pytest

ENTERED, LEFT = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """A command on a terminal of its own, and what it has shown."""

    def __init__(self, world, *command):
        self.master, slave = pty.openpty()
        self.shown = b""
        environment = {**world.environment(), "TERM": "xterm", "LC_ALL": "C", "NO_COLOR": "1"}
        self.popen = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave,
                                      env=environment, start_new_session=True)
        os.close(slave)

    def expect(self, text, timeout=20):
        deadline = time.monotonic() + timeout
        while text not in self.shown:
            ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
            assert ready and time.monotonic() < deadline, f"waited in vain for {text}: {self.shown[-2000:]}"
            self.shown += os.read(self.master, 65536)

    def press(self, key):
        os.write(self.master, key)

    def close(self):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        os.close(self.master)


@pytest.fixture
def terminal(world, build):
    opened = []

    def open_terminal(*arguments):
        opened.append(Terminal(world, build / "tokenbroker", *arguments))
        return opened[-1]
    yield open_terminal
    for one in opened:
        one.close()


def test_a_terminal_follows_the_broker_until_q(world, server, cli, terminal):
    broker = world.ready_broker(server)
    watch = terminal("status", "--watch")
    watch.expect(ENTERED)
    watch.expect(b"default  valid\x1b[K\r\n")
    watch.expect(b" left, next attempt in ")
    watch.expect(b"fetches 1 ok, 0 failed")
    assert cli("suspend", "default").status == 0
    watch.expect(b"suspended by an administrator until `tokenbroker resume default`")
    assert broker.stop() == 0
    watch.expect(b"tokenbrokerd was stopped; this is what it wrote last")
    watch.press(b"q")
    watch.expect(LEFT)
    assert watch.popen.wait(10) == 0


def test_a_terminal_tells_a_broker_that_hangs_or_was_killed(world, server, terminal):
    broker = world.ready_broker(server)
    broker.kill()
    world.may_leave_segments = True
    path = world.runtime_dir / "status.json"
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 60))
    watch = terminal("status", "--watch")
    watch.expect(b"tokenbrokerd has not written for 1 min ")
    watch.expect(b" s: stopped or stuck")
    watch.popen.send_signal(signal.SIGTERM)
    watch.expect(LEFT)
    assert watch.popen.wait(10) == 0


def test_a_pipe_that_nobody_reads_ends_it_though_nothing_changes(world, server, build):
    world.ready_broker(server)
    process = world.process(["sh", "-c", '"$0" status --watch | head -n 1', build / "tokenbroker"], "pipe")
    assert process.wait(10) == 0, "head's"
    assert process.out().startswith("NAME ") and process.out().count("\n") == 1
