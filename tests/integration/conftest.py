# SPDX-License-Identifier: MIT
"""Fixtures of all integration tests. They run the programs in $TB_BUILD, default build/."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.dont_write_bytecode = True

import tb  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


def pytest_runtest_setup(item):
    if item.get_closest_marker("needs_root") and not tb.IS_ROOT:
        pytest.skip("needs root: several users of the host take part")


def is_reachable(build):
    """Whether other users can run what lies there; below /root they cannot."""
    program = build / "tests/support/auth_server"
    return not tb.IS_ROOT or tb.as_uid(tb.STRANGER_UID, os.access, program, os.X_OK)


def copy_programs(build, to):
    """What tests run, in the shape of the build directory and open to every user."""
    to.chmod(0o755)
    support = to / "tests/support"
    support.mkdir(parents=True)
    for name in ("tokenbrokerd", "tokenbroker-httpd", "tokenbroker", "libtokenbroker.so"):
        if (build / name).exists():
            shutil.copy(build / name, to)
    for path in (build / "tests/support").iterdir():
        if path.is_file() and os.access(path, os.X_OK):
            shutil.copy(path, support)


@pytest.fixture(scope="session")
def built():
    """The build directory itself: for what is kept there, and for objects."""
    path = Path(os.environ.get("TB_BUILD", ROOT / "build")).resolve()
    assert path.is_dir(), f"{path}: build first, or set TB_BUILD"
    return path


@pytest.fixture(scope="session")
def build(built):
    """Where to run programs from, as any user."""
    if is_reachable(built):
        yield built
        return
    with tempfile.TemporaryDirectory(prefix="tb-build.") as directory:
        copy_programs(built, Path(directory))
        yield Path(directory)


@pytest.fixture
def world(build):
    """Private directories and processes; see broker.World."""
    world = tb.World(build)
    yield world
    world.close()


@pytest.fixture
def server(world):
    """An authorization server that knows the default client."""
    return world.auth_server()


@pytest.fixture
def cli(world):
    return world.cli


@pytest.fixture(scope="session")
def library(build):
    return tb.Library(build)
