# SPDX-License-Identifier: MIT
"""A Debian of its own, made by mmdebstrap and booted with systemd-nspawn: no network but its loopback."""

import os
import shutil
import signal
import subprocess
import time

from shell import run

# What the packages need, and what the steps do there.
PACKAGES = ("systemd", "systemd-sysv", "dbus", "ca-certificates", "curl", "gcc", "libc6-dev", "libacl1",
            "libconfuse2", "libcurl4", "libjson-c5", "libmicrohttpd12", "libssl3", "libsystemd0", "pkg-config",
            "procps", "rpm", "sudo")


def make_root(tar):
    """A tar file of the root, made once for all that unpack it."""
    run("mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", "bookworm", tar)
    return f"{tar.stat().st_size >> 20} MiB"


def unpack(tar, root):
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    root.chmod(0o755)
    run("tar", "-xf", tar, "-C", root)


def until(is_true, seconds, what):
    deadline = time.monotonic() + seconds
    while not (result := is_true()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.2)
    return result


class Machine:
    """Boots at once; end() stops it. Commands run in it as root."""

    def __init__(self, root, *options):
        self.root = root
        # Without CAP_IPC_LOCK nspawn forbids mlock(2), which a host allows.
        self.log = open(root.with_suffix(".log"), "w", encoding="utf-8")
        self.nspawn = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "-D", root, "--boot", "--register=no", "--keep-unit", "--private-network",
             "--capability=CAP_IPC_LOCK", "--console=pipe", *options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        try:
            self.leader = until(self._find_leader, 60, "its first process")
            until(lambda: self.run("systemctl is-system-running", may_fail=True)[1].strip()
                  in ("running", "degraded"), 120, "the boot")
        except BaseException:
            self.end()
            raise

    def _find_leader(self):
        assert self.nspawn.poll() is None, f"systemd-nspawn has ended: {self.root.with_suffix('.log').read_text()}"
        path = f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children"
        with open(path, encoding="ascii") as children:
            words = children.read().split()
        return int(words[0]) if words else None

    def argv(self, script):
        return ["nsenter", "--target", self.leader, "--all", "env", "-i", "HOME=/root", "LANG=C.UTF-8",
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive",
                "bash", "-c", f"cd /root; set -e; {script}"]

    def run(self, script, **options):
        """What a shell script prints; fails with it."""
        return run(*self.argv(script), cwd="/", **options)

    def start(self, script):
        """A script that goes on; end it with its communicate()."""
        return subprocess.Popen([str(word) for word in self.argv(script)], cwd="/", text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def until(self, script, seconds=30):
        """Until it succeeds; what it prints."""
        return until(lambda: (result := self.run(script, may_fail=True))[0] == 0 and (result[1] or " "),
                     seconds, script)

    def end(self):
        if self.nspawn.poll() is None:
            try:
                os.kill(self.leader, signal.SIGRTMIN + 4)  # systemd's: power off
            except (AttributeError, ProcessLookupError):
                self.nspawn.terminate()
            try:
                self.nspawn.wait(60)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
                self.nspawn.wait()
        self.log.close()
