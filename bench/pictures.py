# SPDX-License-Identifier: MIT
"""Pictures of what was measured, by gnuplot, as SVG. A part that has some defines
`pictures(rows)`: {file name without .svg: gnuplot text}."""

import importlib
import shutil
import subprocess
import sys

STYLE = """
set terminal svg noenhanced size 720,400 font 'sans-serif,13' background '#ffffff'
set output '{output}'
set grid lc rgb '#d0d0d0'
set key left top
set border 3
set tics nomirror
"""


def block(name, rows):
    """A data block of gnuplot: $name with a line for each row."""
    lines = [" ".join(str(cell) for cell in row) for row in rows]
    return "\n".join([f"${name} << EOD", *lines, "EOD", ""])


def draw(directory, table):
    """All pictures of all parts that have rows."""
    if shutil.which("gnuplot") is None:
        print("gnuplot is not installed: no pictures", file=sys.stderr)
        return
    for part in table.titles:
        module = importlib.import_module(f"part_{part}")
        rows = [row for row in table.rows if row.part == part]
        for name, text in getattr(module, "pictures", lambda _: {})(rows).items():
            output = directory / f"{name}.svg"
            subprocess.run(["gnuplot"], input=STYLE.format(output=output) + text, text=True, check=True)
