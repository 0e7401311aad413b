# SPDX-License-Identifier: MIT
"""The table of attacks: each row tries a promise of docs/threat-model.md, which numbers them."""

import re
from pathlib import Path

import proof

ROOT = Path(__file__).resolve().parents[2]

# Promises that no attacker of this proof can try: what shows them, where a comment names the promise.
SHOWN_ELSEWHERE = {
    "P3": "tests/proofs/hygiene",
    "P7": "tests/proofs/hygiene",
    "P12": "tests/integration/test_hostile.py",  # only the broker's own user can write a segment
    "P16": "tests/integration/test_tls.py",
    "P24": "tests/packages/files.py",
}


def _says(where, text):
    return text in (ROOT / where).read_text(encoding="utf-8")


def _is_run_by_check(where):
    """pytest collects it, a short run of it is among the tests, or it is looked at before packages are made."""
    folder, _, name = where.rpartition("/")
    if folder == "tests/integration":
        return re.fullmatch(r"test_\w+\.py", name) is not None
    if folder == "tests/packages":
        # At this depth what --short does, too.
        return _says("tests/packages/check", f"\n    yield from {name.removesuffix('.py')}.steps(") and _says(
            "tests/run", "tests/packages/check --short")
    return folder == "tests/proofs" and _says(
        "tests/integration/test_proofs.py", f'"{name}": [')


def _is_shown(promise, where):
    path = ROOT / where
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return re.search(rf"^ *# .*\b{promise}\b", text, re.MULTILINE) is not None and _is_run_by_check(where)


class Attacks(proof.Table):
    """Its rows begin with a promise."""

    width = 88

    def __init__(self):
        super().__init__()
        self._tried = set()

    def row(self, name, number, is_good=True):
        self._tried.add(name.split()[0])
        super().row(name, number, is_good)

    def take_over(self, text):
        self._tried |= {line[6:].split()[0] for line in text.splitlines() if not line.startswith("skip")}
        super().take_over(text)

    def settle(self):
        """Each promise that was tried is made, and each that is made was tried or is shown elsewhere."""
        text = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
        numbers = re.findall(r"\*\*(P\d+)\*\*", text)
        made = set(numbers)
        proof.Table.row(self, "promises made in docs/threat-model.md", len(numbers), len(made) == len(numbers) > 20)
        proof.Table.row(self, "  tried here", len(self._tried), self._tried <= made)
        for promise, where in sorted(SHOWN_ELSEWHERE.items()):
            is_shown = promise in made - self._tried and _is_shown(promise, where)
            proof.Table.row(self, f"  {promise} is shown by {where}", 1, is_shown)
        missing = made - self._tried - set(SHOWN_ELSEWHERE)
        proof.Table.row(self, f"  neither tried nor shown {' '.join(sorted(missing))}".rstrip(), len(missing),
                        not missing)


class Attack(proof.Case):
    """The rows of one kind of attack; under(promise) comes before each."""

    def __init__(self, table, name, promise="P?"):
        super().__init__(table, f"{promise:<3} {name}")
        self._attacks, self._attack_name = table, name

    def under(self, promise):
        return Attack(self._attacks, self._attack_name, promise)
