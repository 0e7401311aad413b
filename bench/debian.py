# SPDX-License-Identifier: MIT
"""Programs that are measured beside ours: installed ones, or from Debian's packages, which are unpacked below
the build directory. Nothing is installed and no service is started."""

import os
import shutil
import subprocess
from pathlib import Path


class Unavailable(Exception):
    """Why a program cannot be had here."""


def _run(argv, **options):
    return subprocess.run(argv, text=True, capture_output=True, timeout=300, check=False, **options)


def _missing(package):
    """package and what it needs that is not installed, by apt's own reckoning."""
    asked = _run(["apt-get", "--simulate", "--no-install-recommends", "install", package])
    if asked.returncode != 0:
        raise Unavailable((asked.stderr.splitlines() or ["apt-get knows no such package"])[-1])
    return [line.split()[1] for line in asked.stdout.splitlines() if line.startswith("Inst ")]


def _unpack(root, package):
    if not shutil.which("apt-get"):
        raise Unavailable(f"{package} is not installed, and there is no apt-get to fetch it with")
    downloads = root / ".download"
    shutil.rmtree(downloads, ignore_errors=True)
    downloads.mkdir(parents=True)
    fetched = _run(["apt-get", "-q", "download", *_missing(package)], cwd=downloads)
    archives = list(downloads.glob("*.deb"))
    if fetched.returncode != 0 or not archives:
        raise Unavailable((fetched.stderr.splitlines() or ["nothing came"])[-1])
    for archive in archives:
        subprocess.run(["dpkg-deb", "--extract", archive, root], check=True)
    shutil.rmtree(downloads)


class Packages:
    """root: where packages are unpacked, kept between runs."""

    def __init__(self, root):
        self.root = root

    def _paths(self):
        return os.pathsep.join([os.environ["PATH"], "/usr/sbin", *(str(self.root / name) for name in (
            "usr/bin", "usr/sbin", "bin"))])

    def program(self, name, package):
        """Its path; raises Unavailable."""
        found = shutil.which(name, path=self._paths())
        if not found:
            _unpack(self.root, package)
            found = shutil.which(name, path=self._paths())
        if not found:
            raise Unavailable(f"{package} holds no {name}")
        return found

    def library(self, pattern, package):
        """Its path, a file of the unpacked packages or of the host."""
        def look():
            places = [self.root / "usr/lib", "/usr/lib"]
            return next((path for place in places for path in _glob(place, pattern)), None)
        found = look()
        if found is None:
            _unpack(self.root, package)
            found = look()
        if found is None:
            raise Unavailable(f"{package} holds no {pattern}")
        return found

    def environment(self):
        """Programs that were unpacked find their libraries."""
        directories = [str(path) for path in (self.root / "usr/lib").glob("*-linux-gnu*")]
        return {**os.environ, "PATH": self._paths(), "LD_LIBRARY_PATH": os.pathsep.join(directories)}


def _glob(place, pattern):
    return sorted(Path(place).glob(f"*-linux-gnu*/{pattern}"))
