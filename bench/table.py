# SPDX-License-Identifier: MIT
"""What was measured: printed as it comes, kept for the documentation and for pictures."""

import json
import os
import platform
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Row:
    """One figure, what it stands beside, and what was wanted."""
    part: str
    what: str
    figure: float | None  # None: the unit says why there is none
    unit: str
    against: str = ""  # the floor or the peer
    against_figure: float | None = None
    ratio: float | None = None
    goal: str = ""  # "<= 1.3", of the ratio or, without one, of the figure
    is_met: bool | None = None
    data: dict = field(default_factory=dict)  # for pictures: size, readers, percentiles


@dataclass
class Check:
    """Something that must hold, or the figures mean nothing."""
    part: str
    what: str
    holds: bool


def _is_met(goal, value):
    """goal: None or ("<=" or ">=", number)."""
    if goal is None:
        return None
    return value <= goal[1] if goal[0] == "<=" else value >= goal[1]


def _goal_text(goal):
    return f"{goal[0]} {number(goal[1])}" if goal else ""


def number(value):
    """Three digits that mean something; whole numbers in full."""
    if value is None:
        return ""
    if float(value).is_integer() or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


class Table:
    """Rows of all parts. is_sound: everything was measured, and what had to hold did."""

    def __init__(self):
        self.titles = {}
        self.conditions = {}  # {part: where and when it was measured, and how busy the machine was then}
        self.rows = []
        self.checks = []
        self._part = None

    @property
    def is_sound(self):
        return all(check.holds for check in self.checks)

    def begin(self, part, title):
        self._part = part
        self.titles[part] = title
        self.conditions[part] = f"{time.strftime('%Y-%m-%d %H:%M')}, {machine()}"
        print(f"== {part}: {title}", flush=True)

    def row(self, what, figure, unit, against="", against_figure=None, goal=None, data=None):
        """One figure. goal: ("<=", 1.3) is one of figure/against_figure where that is given, else of
        figure. For "at least 10 times faster" the peer is the figure, stands against ours, ">="."""
        ratio = figure / against_figure if against_figure else None
        value = figure if ratio is None else ratio
        row = Row(self._part, what, figure, unit, against, against_figure, ratio,
                  _goal_text(goal), _is_met(goal, value), data or {})
        self.rows.append(row)
        print(_line(row), flush=True)
        return row

    def missing(self, what, why, goal=None):
        """A row for a peer that cannot be had here. A goal that stands against it cannot be judged then:
        that is a check that fails, as anything else that could not be measured is."""
        row = Row(self._part, what, None, f"not measured: {why}", goal=_goal_text(goal))
        self.rows.append(row)
        print(_line(row), flush=True)
        if goal is not None:
            self.check(f"{what}: the goal {row.goal} was judged", False)

    def check(self, what, holds):
        """What must hold, or the figures mean nothing."""
        self.checks.append(Check(self._part, what, bool(holds)))
        print(f"{'ok' if holds else 'FAILED':8} {what}", flush=True)

    def missed(self):
        return [row for row in self.rows if row.is_met is False]

    def summary(self):
        goals = [row.is_met for row in self.rows if row.is_met is not None]
        failed = sum(not check.holds for check in self.checks)
        return (f"{len(self.rows)} figures, {sum(goals)} of {len(goals)} goals met, "
                f"{len(self.checks)} checks, {failed} failed")

    def write(self, directory):
        """results.json and table.md. What an earlier run measured of other parts is kept, with its checks
        and its conditions."""
        directory.mkdir(parents=True, exist_ok=True)
        self._take_over(directory / "results.json")
        kept = {"titles": self.titles, "conditions": self.conditions, "rows": [asdict(row) for row in self.rows],
                "checks": [asdict(check) for check in self.checks]}
        (directory / "results.json").write_text(json.dumps(kept, indent=1) + "\n")
        (directory / "table.md").write_text(self.markdown())

    def _take_over(self, path):
        former = json.loads(path.read_text()) if path.exists() else {}
        # A file without conditions is one of before there were any.
        others = set(former.get("conditions", {})) - set(self.titles)
        for part in sorted(others):
            self.titles[part] = former["titles"][part]
            self.conditions[part] = former["conditions"][part]
        self.rows += [Row(**row) for row in former.get("rows", []) if row["part"] in others]
        self.checks += [Check(**check) for check in former.get("checks", []) if check["part"] in others]

    def markdown(self):
        lines = []
        for part, title in self.titles.items():
            lines += [f"**{part}**: {title}", "", f"Measured: {self.conditions[part]}.", "",
                      "| what | figure | beside | ratio | goal | met |", "| --- | ---: | ---: | ---: | --- | --- |"]
            lines += [_markdown_line(row) for row in self.rows if row.part == part]
            failed = [check.what for check in self.checks if check.part == part and not check.holds]
            lines += ["", *(f"FAILED: {what}" for what in failed), ""]
        return "\n".join(lines)


def _beside(row):
    return f"{row.against} {number(row.against_figure)}".strip()


def _verdict(row):
    return {None: "", True: "met", False: "not met"}[row.is_met]


def _line(row):
    return (f"{_verdict(row):8} {row.what:58} {number(row.figure):>10} {row.unit:6} "
            f"{_beside(row):38} {number(row.ratio):>8} {row.goal}").rstrip()


def _markdown_line(row):
    cells = [row.what, f"{number(row.figure)} {row.unit}", _beside(row), number(row.ratio), row.goal, _verdict(row)]
    return "| " + " | ".join(cells) + " |"


def machine():
    """Processor, kernel, compiler, libc, and how busy it was."""
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    compiler = subprocess.run([os.environ.get("CC", "cc"), "--version"], capture_output=True, text=True,
                              check=True).stdout.splitlines()[0]
    return (f"{os.cpu_count()} x {model}, Linux {platform.release()}, {compiler}, {' '.join(platform.libc_ver())}, "
            f"load {os.getloadavg()[0]:.1f}")
