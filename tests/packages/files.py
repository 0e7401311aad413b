# SPDX-License-Identifier: MIT
"""What stands in packaging/ and docs/man, before anything is built of it."""

import os
import re
import subprocess

from shell import ROOT, run, silent

UNITS = ("tokenbroker.service", "tokenbroker-httpd.service", "tokenbroker-httpd.socket")
# P24 of docs/threat-model.md, `systemd-analyze security`: exposure times 10 at most.
EXPOSURE = {"tokenbroker.service": 15, "tokenbroker-httpd.service": 12}


def steps(directory):
    built = directory / "stage"
    yield "programs installed into a tree", lambda: stage(built)
    yield "units: systemd-analyze verify", lambda: verify(built)
    yield "units: systemd-analyze security", lambda: exposure(built)
    yield "manuals: mandoc and groff", manuals
    yield "manuals: every program, function and file has one", complete
    yield "the configuration as it is installed", lambda: configuration(built)
    yield "AppArmor profiles", lambda: apparmor(built)
    yield "bash completion", lambda: completion(directory)


def stage(tree):
    run("make", f"BUILD={tree.parent}/programs", f"DESTDIR={tree}", "PREFIX=/usr", f"SBINDIR={tree}/usr/sbin",
        "UNITDIR=/lib/systemd/system", "install-system")
    run("cp", "-r", f"{tree}{tree}/usr/sbin", tree / "usr/")


def verify(tree):
    paths = [tree / "lib/systemd/system" / unit for unit in UNITS]
    silent("systemd-analyze", "verify", "--man=no", *paths)


def exposure(tree):
    told = []
    for unit, limit in EXPOSURE.items():
        said = run("systemd-analyze", "security", "--offline=true", f"--threshold={limit}",
                   tree / "lib/systemd/system" / unit)
        told.append(f"{unit} {re.search(r'Overall exposure level for .*: ([0-9.]+)', said)[1]}")
    return ", ".join(told)


def manuals():
    pages = sorted((ROOT / "docs/man").iterdir())
    for page in pages:
        silent("mandoc", "-T", "lint", "-W", "warning", page)
        silent("sh", "-c", 'LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$0" 2>&1 '
               ">/dev/null", page)
    return f"{len(pages)} pages"


def complete():
    pages = {page.name for page in (ROOT / "docs/man").iterdir()}
    functions = re.findall(r"\b(tokenbroker_\w+)\(", (ROOT / "include/tokenbroker.h").read_text())
    wanted = {f"{name}.3" for name in functions} | {
        "tokenbroker.1", "tokenbrokerd.8", "tokenbroker-httpd.8", "tokenbroker.conf.5", "libtokenbroker.3",
        "tokenbroker-segment.7"}
    assert pages == wanted, pages ^ wanted
    keys = set(re.findall(r'^\| `(\w+)`', (ROOT / "docs/configuration.md").read_text(), re.M))
    page = (ROOT / "docs/man/tokenbroker.conf.5").read_text()
    missing = [key for key in keys if not re.search(rf"^\.(It )?Ic .*\b{key}\b", page, re.M)]
    assert keys and not missing, f"tokenbroker.conf.5 lacks {missing}"


def configuration(tree):
    path = tree / "etc/tokenbroker/tokenbroker.conf"
    run(tree / "usr/sbin/tokenbrokerd", "--check-config", "--config", path)
    run(tree / "usr/sbin/tokenbroker-httpd", "--check-config", "--config", path, "--runtime-dir", tree)
    # What is commented out says what would hold without it.
    text = re.sub(r"^#(?=\w|    |\})", "", path.read_text().split("# A token.")[0], flags=re.M)
    spelled_out = path.with_name("spelled-out.conf")
    spelled_out.write_text(text)
    said = run(tree / "usr/sbin/tokenbrokerd", "--check-config", "--config", spelled_out, may_fail=True)[1]
    # The group is made by the package.
    assert [line for line in said.splitlines() if "tokenbroker-admin" not in line] in ([], ["ok"]), said


def apparmor(tree):
    for name in ("usr.sbin.tokenbrokerd", "usr.sbin.tokenbroker-httpd"):
        run("apparmor_parser", "--skip-kernel-load", "--skip-cache", tree / "etc/apparmor.d" / name)


COMPLETE = r"""
. "$0"
compopt() { :; }
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
"$FUNCTION" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def completion(directory):
    script = ROOT / "packaging/bash-completion/tokenbroker"
    tokens = directory / "completion/tokens"
    tokens.mkdir(parents=True, exist_ok=True)
    for name in ("crm", "default"):
        if not (tokens / name).is_symlink():
            (tokens / name).symlink_to("/nowhere")

    def words(*line, function="_tokenbroker"):
        env = {**os.environ, "TOKENBROKER_RUNTIME_DIR": str(tokens.parent), "FUNCTION": function}
        return set(subprocess.run(["bash", "-c", COMPLETE, script, *line], env=env, text=True,
                                  capture_output=True, check=True).stdout.split())
    help_text = run(directory / "programs/tokenbroker", "--help")
    subcommands = set(re.findall(r"^  (\w+) +\w.*$", help_text.partition("NAME is")[0], re.M))
    assert subcommands and words("tokenbroker", "") == subcommands | {"--help", "--version"}
    for subcommand in subcommands - {"status"}:
        assert words("tokenbroker", subcommand, "") == {"crm", "default"}, subcommand
        assert words("tokenbroker", subcommand, "c") == {"crm"}
    for subcommand in subcommands:
        options = set(re.findall(r"^  (--[a-z-]+)", run(directory / "programs/tokenbroker", subcommand, "--help"), re.M))
        assert words("tokenbroker", subcommand, "-") == options, subcommand
    assert words("tokenbroker", "get", "--format", "c") == {"curl-config"}
    for daemon in ("tokenbrokerd", "tokenbroker-httpd"):
        options = set(re.findall(r"--[a-z-]+", run(directory / "programs" / daemon, "--help").partition("xamples")[0]))
        assert words(daemon, "-", function="_tokenbroker_daemon") == options, daemon
    assert words("tokenbrokerd", "--try", "d", function="_tokenbroker_daemon") == {"default"}
