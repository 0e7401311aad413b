# SPDX-License-Identifier: MIT
"""The packages as files: made twice, judged by lintian and rpmlint, compared with each other."""

import hashlib
import os
import re

from shell import ROOT, run

VERSION = re.search(r"^VERSION := (.*)$", (ROOT / "Makefile").read_text(), re.M)[1]
# What EL 9 has (the oldest that is aimed at); Fedora has later ones.
GLIBC_MAX = (2, 34)
PROVIDED = re.compile(
    r"^(rpmlib\(.*|rtld\(GNU_HASH\)|/bin/sh|/usr/bin/pkg-config|ca-certificates|shadow-utils|systemd"
    r"|config\(tokenbroker\) = .*|tokenbroker-libs = .*"
    r"|libc\.so\.6\((GLIBC_[0-9.]+)?\)\(64bit\)|libacl\.so\.1\((ACL_1\.[0-2])?\)\(64bit\)"
    r"|libconfuse\.so\.2\(\)\(64bit\)|libcrypto\.so\.3\((OPENSSL_3\.0\.0)?\)\(64bit\)"
    r"|libcurl\.so\.4\(\)\(64bit\)|libjson-c\.so\.5\((JSONC_0\.14)?\)\(64bit\)"
    r"|libmicrohttpd\.so\.12\(\)\(64bit\)|libsystemd\.so\.0\((LIBSYSTEMD_[0-9]+)?\)\(64bit\))$")
SYSTEMD_MAX = 252


def steps(directory, is_short):
    deb, rpm = directory / "deb", directory / "rpm"
    yield "deb: built", lambda: build_deb(deb)
    yield "deb: lintian", lambda: lintian(deb)
    yield "deb: contents, owners and modes", lambda: deb_contents(deb)
    if not is_short:
        yield "deb: a second build has the same bytes", lambda: same_deb(deb, directory / "deb-again")
    yield "rpm: built twice, the same bytes", lambda: build_rpm(rpm)
    yield "rpm: rpmlint", lambda: rpmlint(rpm)
    yield "rpm: requires what Fedora and EL 9 provide", lambda: requirements(rpm)
    yield "rpm: the same files, owners and modes as the deb", lambda: same_files(deb, rpm)


def packages(directory, ending):
    return sorted(path for path in directory.glob(f"*.{ending}"))


def sums(directory, ending):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in packages(directory, ending)}


def build_deb(directory, revision=None, **env):
    run(ROOT / "packaging/deb/build", directory, VERSION, *([revision] if revision else []),
        env={"DEB_BUILD_OPTIONS": f"parallel={os.cpu_count()}", **env})
    return ", ".join(path.name for path in packages(directory, "deb"))


def same_deb(first, second):
    build_deb(second, DEB_BUILD_OPTIONS=f"nocheck parallel={os.cpu_count()}")
    different = [name for name, value in sums(first, "deb").items() if sums(second, "deb")[name] != value]
    assert not different, different
    return f"{len(packages(first, 'deb'))} packages, in another directory"


def lintian(directory):
    run("lintian", "--allow-root", "--fail-on", "error,warning", *directory.glob("*.changes"))


def deb_of(directory, name):
    return next(path for path in packages(directory, "deb") if path.name.startswith(f"{name}_"))


def deb_entries(path):
    """{path: (mode as ls has it, owner/group)}, files, links and directories."""
    entries = {}
    for line in run("dpkg-deb", "--contents", path).splitlines():
        mode, owner, *_, name = line.partition(" -> ")[0].split()
        entries[name.removeprefix(".").rstrip("/") or "/"] = (mode, owner)
    return entries


def deb_contents(directory):
    main = deb_entries(deb_of(directory, "tokenbroker"))
    assert main["/etc/tokenbroker/secrets"][0] == "drwx------"
    assert main["/etc/tokenbroker/tokenbroker.conf"][0] == "-rw-r--r--"
    for name in ("tokenbroker", "libtokenbroker0", "libtokenbroker-dev"):
        for path, (mode, owner) in deb_entries(deb_of(directory, name)).items():
            assert owner == "root/root" and (mode[0] == "l" or "w" not in mode[5:]), (path, mode, owner)
    conffiles = run("dpkg-deb", "--info", deb_of(directory, "tokenbroker"), "conffiles").split()
    assert not [path for path in conffiles if "secret" in path]
    depends = run("dpkg-deb", "--field", deb_of(directory, "libtokenbroker0"), "Depends")
    assert re.fullmatch(r"libc6 \(>= [0-9.]+\)", depends.strip()), depends
    assert "libtokenbroker0 (=" in run("dpkg-deb", "--field", deb_of(directory, "libtokenbroker-dev"), "Depends")
    assert run("dpkg-deb", "--field", deb_of(directory, "libtokenbroker0"), "Multi-Arch").strip() == "same"


def build_rpm(directory):
    run(ROOT / "packaging/rpm/build", directory, VERSION)
    first = sums(directory, "rpm")
    run(ROOT / "packaging/rpm/build", directory, VERSION)
    assert len(first) == 5 and sums(directory, "rpm") == first, (first, sums(directory, "rpm"))
    return ", ".join(first)


def rpmlint(directory):
    said = run("rpmlint", "-c", ROOT / "packaging/rpm/rpmlint.toml", *packages(directory, "rpm"),
               ROOT / "packaging/rpm/tokenbroker.spec", may_fail=True)[1]
    last = said.strip().splitlines()[-1]
    assert re.search(r"\b0 errors, 0 warnings\b", last), said


def rpm_of(directory, name):
    return directory / f"{name}-{VERSION}-1.{os.uname().machine}.rpm"


def requirements(directory):
    wrong = set()
    for name in ("tokenbroker", "tokenbroker-libs", "tokenbroker-devel"):
        for line in run("rpm", "-qp", "--requires", rpm_of(directory, name)).splitlines():
            glibc = re.search(r"GLIBC_([0-9.]+)", line)
            systemd = re.search(r"LIBSYSTEMD_([0-9]+)", line)
            if (not PROVIDED.match(line) or (systemd and int(systemd[1]) > SYSTEMD_MAX)
                    or (glibc and tuple(map(int, glibc[1].split("."))) > GLIBC_MAX)):
                wrong.add(line)
    assert not wrong, f"nobody provides {sorted(wrong)}"


def rpm_entries(path):
    entries = {}
    form = "[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES}\\n]"
    for line in run("rpm", "-qp", "--qf", form, path).splitlines():
        mode, owner, name = line.split(" ", 2)
        entries[name] = (mode, owner)
    return entries


# Where the two families keep the same thing, and what only one of them has.
PLACES = ((r"^/usr/lib/[^/]+-linux-gnu/", "/usr/lib64/"), (r"^/lib/systemd/", "/usr/lib/systemd/"))
OWN = re.compile(r"^(/usr/share/(doc|licenses|lintian)(/|$)|/etc/apparmor)")


def own_files(entries):
    """Without directories but the configuration's, without what is documentation."""
    found = {}
    for path, value in entries.items():
        for pattern, place in PLACES:
            path = re.sub(pattern, place, path)
        if not OWN.match(path) and (value[0][0] != "d" or path.startswith("/etc/tokenbroker")):
            found[path] = value
    return found


def same_files(debs, rpms):
    pairs = (("tokenbroker", "tokenbroker"), ("libtokenbroker0", "tokenbroker-libs"),
             ("libtokenbroker-dev", "tokenbroker-devel"))
    number = 0
    for deb, rpm in pairs:
        ours, theirs = own_files(deb_entries(deb_of(debs, deb))), own_files(rpm_entries(rpm_of(rpms, rpm)))
        # dpkg knows no user that a package makes: its postinst gives it the directory.
        if "/etc/tokenbroker/secrets" in ours:
            assert theirs["/etc/tokenbroker/secrets"] == ("drwx------", "tokenbroker/tokenbroker")
            ours["/etc/tokenbroker/secrets"] = theirs["/etc/tokenbroker/secrets"]
        assert set(ours) == set(theirs), set(ours) ^ set(theirs)
        # Debian's libraries are not executable; Fedora's are, for its debuginfo.
        for path in ours:
            if ".so." in path:
                ours[path] = (ours[path][0].replace("-rw-r--r--", "-rwxr-xr-x"), ours[path][1])
        different = [(path, ours[path], theirs[path]) for path in ours if ours[path] != theirs[path]]
        assert not different, different
        number += len(ours)
    return f"{number} files"
