# SPDX-License-Identifier: MIT
"""File systems that a test makes, fills and takes the right to write from. As root."""

import os
import subprocess
import tempfile
from contextlib import contextmanager


@contextmanager
def small_tmpfs(world, path, size="64k", mode="0700"):
    """A file system of its own at path, which a test can fill."""
    options = f"size={size},mode={mode},uid={world.broker_uid},gid={world.broker_uid}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tokenbroker-test", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def remount(path, how):
    subprocess.run(["mount", "-o", f"remount,{how}", path], check=True)


def fill(path):
    """Not a byte is left; returns what to remove again."""
    filler = path / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    return filler


def leave_room(filler, number_of_bytes):
    os.truncate(filler, filler.stat().st_size - number_of_bytes)


@contextmanager
def own_file(path, text):
    """Another content of a file of the system, for this mount namespace."""
    with tempfile.NamedTemporaryFile("w", prefix="tb-file.") as file:
        file.write(text)
        file.flush()
        os.chmod(file.name, 0o644)
        subprocess.run(["mount", "--bind", file.name, path], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", path], check=True)
