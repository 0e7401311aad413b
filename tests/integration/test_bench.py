# SPDX-License-Identifier: MIT
"""That make bench can measure: a few rounds of the parts that need nothing but what is built here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench/bench"


@pytest.mark.needs_plain_build
@pytest.mark.parametrize("part, rows", [("first_token", 6), ("cli", 4), ("read", 73), ("open", 2)])
def test_a_part_of_the_benchmark_comes_to_its_figures(built, part, rows):
    run = subprocess.run([sys.executable, BENCH, "--short", part], env={**os.environ, "TB_BUILD": str(built)},
                         capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{rows} figures" in run.stdout and " 0 failed" in run.stdout
