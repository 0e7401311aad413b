# SPDX-License-Identifier: MIT
"""Processes that a test starts: their output goes to files, and they are ended by their own id."""

import os
import pickle
import signal
import subprocess
import time
import traceback
from pathlib import Path

POLL_S = 0.01


def wait_until(condition, timeout=10.0, what="the condition"):
    """Polls until condition() is true and returns what it returned; fails at the deadline."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {timeout} s in vain for {what}")
        time.sleep(POLL_S)


NICEST = ["nice", "-n", "19"]


def last_in_turn(process):
    """One that was started with NICEST leaves all others their turn. Each of ours is a session of its own, and where
    sessions are groups (sched(7), autogroup) it is the group's nice value that counts against others."""
    try:
        Path(f"/proc/{process.pid}/autogroup").write_text("19", encoding="ascii")
    except OSError:
        pass  # a kernel without them
    return process


class Process:
    """One child. uid None: as the test itself. Output: NAME.N.out and NAME.N.err in directory."""

    counter = 0

    def __init__(self, argv, directory, name, uid=None, gid=None, env=None, **options):
        Process.counter += 1
        stem = Path(directory) / f"{name}.{Process.counter}"
        self.name = name
        self.argv = [str(argument) for argument in argv]
        self.out_path = stem.with_name(stem.name + ".out")
        self.err_path = stem.with_name(stem.name + ".err")
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.popen = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env,
                start_new_session=True, **_identity(uid, gid), **options)

    @property
    def pid(self):
        return self.popen.pid

    def is_running(self):
        return self.popen.poll() is None

    def out(self):
        return self.out_path.read_text(errors="replace")

    def err(self):
        return self.err_path.read_text(errors="replace")

    def err_lines(self):
        return self.err().splitlines()

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, timeout=10.0):
        """The exit status; negative: the signal that killed it."""
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} has not ended within {timeout} s\n{self.err()}") from None

    def terminate(self, timeout=10.0):
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait()

    def end(self):
        """For teardown: it and its children are gone afterwards, whatever state they are in."""
        if self.is_running():
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                self.popen.wait(5)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        if os.path.exists(f"/proc/{self.pid}"):
            return  # another process has been given its number since it was reaped, and perhaps a group
        try:
            os.killpg(self.pid, signal.SIGKILL)  # its own session, so its own group
        except ProcessLookupError:
            pass

    def sanitizer_report(self):
        """What a sanitizer found in it, or None."""
        lines = self.err_lines()
        for number, line in enumerate(lines):
            if "Sanitizer" in line or ": runtime error: " in line:
                return f"{self.name}:\n" + "\n".join(lines[number:number + 40])
        return None


def _identity(uid, gid):
    if uid is None or uid == os.geteuid():
        return {}
    return {"user": uid, "group": uid if gid is None else gid, "extra_groups": []}


def as_uid(uid, function, *arguments, gid=None, groups=()):
    """Calls function in a child that has become uid; returns its (picklable) result, or raises."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _report(writing, uid, uid if gid is None else gid, groups, function, arguments)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    if not answer:
        raise AssertionError(f"the child of uid {uid} died before it answered")
    is_ok, result = pickle.loads(answer)
    if not is_ok:
        raise AssertionError(f"as uid {uid}:\n{result}")
    return result


def _report(writing, uid, gid, groups, function, arguments):
    try:
        if uid != os.geteuid():
            os.setgroups(groups)
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
        answer = (True, function(*arguments))
    except BaseException:
        answer = (False, traceback.format_exc())
    try:
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(answer, pipe)
    finally:
        os._exit(0)
