# SPDX-License-Identifier: MIT
"""promtool, Prometheus's own judge of metrics and rules: installed, or from Debian's package."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

# Some 19 MB to download, of which one file is kept.
PACKAGE = "prometheus"
MEMBER = "./usr/bin/promtool"


def _run(argv, directory):
    return subprocess.run(argv, cwd=directory, text=True, capture_output=True, timeout=180, check=False)


def _unpack(cache):
    """The program alone: nothing is installed, no service is started."""
    downloads = cache / "download"
    shutil.rmtree(downloads, ignore_errors=True)
    downloads.mkdir()
    fetched = _run(["apt-get", "-q", "download", PACKAGE], downloads)
    packages = list(downloads.glob("*.deb"))
    if fetched.returncode != 0 or not packages:
        pytest.skip(f"promtool cannot be had here: {(fetched.stderr.splitlines() or ['no package'])[-1]}")
    _run(["dpkg-deb", "--extract", packages[0], "root"], downloads).check_returncode()
    (downloads / "root" / MEMBER).replace(cache / "promtool")
    shutil.rmtree(downloads)


def find(built):
    """Its path. It is kept below the build directory; skips the test where it cannot be had."""
    installed = shutil.which("promtool")
    if installed:
        return Path(installed)
    if not shutil.which("apt-get"):
        pytest.skip("promtool is not installed, and there is no apt-get to fetch it with")
    cache = built / "prometheus"
    cache.mkdir(exist_ok=True)
    with open(cache / "lock", "w", encoding="ascii") as lock:  # tests may run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (cache / "promtool").exists():
            _unpack(cache)
    return cache / "promtool"


def run(promtool, *arguments, text=None, directory=None):
    """What it prints; fails if it finds anything."""
    judged = subprocess.run([promtool, *arguments], input=text, cwd=directory, text=True,
                            capture_output=True, timeout=60, check=False)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    return judged.stdout + judged.stderr


def check_metrics(promtool, text):
    """Fails unless text, the body of an answer to GET /metrics, is clean."""
    assert text.endswith("\n"), "the last line is not complete"
    assert run(promtool, "check", "metrics", text=text) == ""
