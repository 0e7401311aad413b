# SPDX-License-Identifier: MIT
"""A short run of each longer proof: what it does at length is in docs/reliability.md."""

import os
import shutil
import subprocess
import sys

import pytest

from conftest import ROOT

PROOFS = {"torture": ["40", "1"], "resources": ["--short"], "soak": ["15", "1"], "valgrind": ["30"],
          "attack": ["--short"], "hygiene": ["--short"],
          "chaos": ["--short", "20", "1"]}
TIMED = ("soak", "chaos", "attack")


def misses_nothing(name, arguments, built):
    run = subprocess.run([sys.executable, ROOT / "tests/proofs" / name, *arguments], check=False,
                         capture_output=True, text=True, timeout=900,
                         env={**os.environ, "TB_BUILD": str(built)})
    rows = [line for line in run.stdout.splitlines() if line.startswith(("ok ", "MISS "))]
    missed = [row for row in rows if row.startswith("MISS")]
    is_good = run.returncode == 0 and len(rows) > 10
    assert is_good and not missed, "\n".join([f"{name} ended with {run.returncode}", *missed, run.stderr, run.stdout])


# Two at a time, those that judge times in one row: each takes what a machine has.
@pytest.mark.needs_root
@pytest.mark.needs_plain_build  # readers verify as fast as they can, and memory is limited
@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.xdist_group("proofs" if name in TIMED else "other proofs")) for name in PROOFS])
def test_a_short_run_misses_nothing(built, name):
    misses_nothing(name, PROOFS[name], built)


@pytest.mark.xdist_group("other proofs")
@pytest.mark.skipif(not (shutil.which("spin") or shutil.which("apt-get")), reason="no package of spin here")
def test_the_models_hold_and_each_mutation_is_found(built):
    misses_nothing("model", ["--short"], built)
