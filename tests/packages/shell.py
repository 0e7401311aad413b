# SPDX-License-Identifier: MIT
"""Running commands: what they print, or a failure that says what they said."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*argv, cwd=ROOT, env=None, stdin=None, timeout=900, may_fail=False):
    """The output and errors of a command as one text; with may_fail (status, text)."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run([str(word) for word in argv], cwd=cwd, env={**clean, **(env or {})}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, input=stdin, timeout=timeout,
                          check=False)
    if may_fail:
        return done.returncode, done.stdout
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, argv))}: status {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def silent(*argv, **options):
    """Runs a command that must have nothing to say."""
    said = run(*argv, **options)
    assert said.strip() == "", said
