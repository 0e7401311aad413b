# SPDX-License-Identifier: MIT
"""The deb in a booted Debian: as an administrator installs it, other users' programs read it, and it is
upgraded, watched, reloaded and removed. Then the rpm in a root of its own, and a container."""

import json
import re
import shutil
import tempfile
from pathlib import Path

from machine import Machine, make_root, unpack
from made import build_deb, deb_of, packages, rpm_of
from shell import ROOT, run

TENANT = "example.blueconic.net"
LEFT = "find / -xdev \\( -path /proc -o -path /sys \\) -prune -o -type {} -print | sort"
# What dpkg, systemd and the C library keep of a package that was there.
KEPT = re.compile(r"^/(var/(lib/(dpkg|apt|systemd)|cache|log|backups|tmp)|tmp|root|run|etc/(passwd|group|g?shadow)-?$"
                  r"|etc/ld\.so\.cache|etc/\.pwd\.lock|etc/(sub[ug]id))")


class Story:
    """What the steps share: one machine, from the boot to the purge."""

    def __init__(self, directory):
        self.directory = directory
        self.root = directory / "root"
        self.machine = None
        self.server = None
        self.files_before = None

    def steps(self):
        tar = self.directory / "root.tar"
        yield "a Debian is made", lambda: make_root(tar)
        yield "it boots", lambda: self.boot(tar)
        yield "README: from the package to the first token, as it stands there", self.readme
        yield "both services are green, the manual and completion are there", self.installed
        yield "tokenbrokerd(8): its steps for a second provider", self.second_provider
        yield "a program of another user, compiled against libtokenbroker-dev", self.reader
        yield "the status page over HTTP, commands over its Unix socket", self.http
        yield "httpd: no way to secrets, tokens or the network", self.confined
        yield "systemctl reload, with a mistake and without", self.reload
        yield "stop and start: readers go on", self.stop_and_start
        yield "a hung broker is killed by the watchdog and comes back", self.watchdog
        yield "LoadCredential", self.credential
        yield "upgrade while readers read: no failed read", self.upgrade
        yield "autopkgtest's command", self.autopkgtest
        yield "removal: tokens stay, and it says so", self.remove
        yield "purge: nothing is left but what is the administrator's", self.purge
        yield "the machine goes down", self.down

    def boot(self, tar):
        unpack(tar, self.root)
        work = self.root / "root"
        for deb in packages(self.directory / "deb", "deb"):
            shutil.copy(deb, work)
        server = self.directory / "programs/tests/support/auth_server"
        run("make", f"BUILD={self.directory}/programs", server)
        shutil.copy(server, self.root / "usr/local/bin/")
        shutil.copy(Path(__file__).with_name("reader.c"), work)
        (self.root / "etc/hosts").write_text(f"127.0.0.1 localhost {TENANT} login.example.com\n")
        self.certificate()
        self.machine = Machine(self.root)
        self.machine.run("update-ca-certificates; useradd -m etl; useradd -m stranger")
        self.files_before = self.machine.run(LEFT.format("f") + "; " + LEFT.format("d"))

    def certificate(self):
        """One for the provider, which the machine trusts."""
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={TENANT}",
            "-addext", f"subjectAltName=DNS:{TENANT},DNS:login.example.com", "-keyout", self.root / "root/key.pem",
            "-out", self.root / "usr/local/share/ca-certificates/provider.crt")

    def readme(self):
        script = readme_block("### From a package")
        client = re.search(r'client_id = "(.*)"', script)[1]
        machine = self.machine
        machine.run("umask 077; head -c 24 /dev/urandom | base64 | tr -d '\\n' > secret")
        machine.run("systemd-run --unit=provider --property=WorkingDirectory=/root auth_server --port 443 --tls "
                    f"/usr/local/share/ca-certificates/provider.crt key.pem --client-id {client} "
                    "--client-secret-file secret --lifetime 3600")
        machine.until("journalctl -u provider | grep -q READY")
        ready = machine.run("journalctl -u provider -o cat | grep READY").removeprefix("READY ")
        self.server = json.loads(ready)["control"]
        said = machine.run(script)
        assert "no mistakes" in said and "fetched in" in said and "WHAT IS WRONG" in said, said
        self.all_valid()

    def all_valid(self):
        """As the status has it, which may lag by a tenth of a second."""
        self.machine.until("tokenbroker status --json | tr -d ' ' | grep -q '\"state\":\"valid\"'; "
                           "curl -sSf http://127.0.0.1:8437/readyz")

    def installed(self):
        for unit in ("tokenbroker.service", "tokenbroker-httpd.service", "tokenbroker-httpd.socket"):
            assert self.machine.run(f"systemctl is-active {unit}; systemctl is-enabled {unit}").split() == [
                "active", "enabled"], unit
        said = self.machine.run("systemctl status --no-pager tokenbroker")
        assert "Status:" in said and "1 token" in said, said
        log = self.machine.run("journalctl -u tokenbroker -u tokenbroker-httpd -o cat")
        assert "cannot" not in log and "warning" not in log.lower(), log
        # minbase leaves manuals out of a root; the package has them.
        listed = self.machine.run("dpkg -L tokenbroker libtokenbroker-dev")
        for page in ("man1/tokenbroker.1.gz", "man8/tokenbrokerd.8.gz", "man3/tokenbroker_get.3.gz"):
            assert f"/usr/share/man/{page}" in listed
        assert self.machine.run(". /usr/share/bash-completion/completions/tokenbroker; complete -p tokenbroker")
        # Credentials of its services, as the kernel has them.
        for name in ("tokenbroker", "tokenbroker-httpd"):
            status = self.machine.run(f"cat /proc/$(systemctl show -P MainPID {name})/status")
            assert re.search(r"^CapBnd:\s+0+$", status, re.M) and re.search(r"^NoNewPrivs:\s+1$", status, re.M)
            assert re.search(r"^Seccomp:\s+2$", status, re.M)

    def second_provider(self):
        page = run("mandoc", "-T", "utf8", "-O", "width=200", ROOT / "docs/man/tokenbrokerd.8", env={"LC_ALL": "C.UTF-8"})
        for step in ("--check-config", "--try default", "systemctl reload tokenbroker", "tokenbroker status"):
            assert step in re.sub("_\b|.\b", "", page), step
        self.machine.run(f"""
            install -m 0600 -o tokenbroker secret /etc/tokenbroker/secrets/billing
            cat > /etc/tokenbroker/conf.d/billing.conf <<'END'
token "billing" {{
    token_url = "https://login.example.com/oauth2/token"
    revoke_url = "https://login.example.com/oauth2/revoke"
    client_id = "{re.search(r'client_id = "(.*)"', readme_block("### From a package"))[1]}"
    client_secret_file = "/etc/tokenbroker/secrets/billing"
    readers = {{"etl"}}
}}
END
            runuser -u tokenbroker -- tokenbrokerd --check-config
            runuser -u tokenbroker -- tokenbrokerd --try billing
            systemctl reload tokenbroker
            runuser -u etl -- tokenbroker get billing --wait 20 > /dev/null""")

    def reader(self):
        self.machine.run("cc -std=c99 -D_GNU_SOURCE -Wall -Wextra -Werror -o /usr/local/bin/reader reader.c "
                         "$(pkg-config --cflags --libs tokenbroker)")
        said = self.machine.run("runuser -u www-data -- reader < /dev/null")
        assert re.match(r"1 reads, 0 failures", said), said
        for user in ("stranger", "etl", "tokenbroker-httpd"):
            status, said = self.machine.run(f"runuser -u {user} -- reader < /dev/null", may_fail=True)
            assert status == 1 and "reader" in said and "reads" not in said, said
            assert self.machine.run(f"runuser -u {user} -- tokenbroker get", may_fail=True)[0] == 7

    def http(self):
        machine = self.machine
        self.all_valid()
        assert "<title>" in machine.run("curl -sSf http://127.0.0.1:8437/")
        assert machine.run("curl -sSf http://127.0.0.1:8437/readyz") == "ok\n"
        tokens = json.loads(machine.run("curl -sSf http://127.0.0.1:8437/v1/status"))["tokens"]
        assert {token["name"]: token["state"] for token in tokens} == {"default": "valid", "billing": "valid"}
        command = "curl -sS -o /dev/null -w '%{http_code}' -X POST "
        assert machine.run(command + "http://127.0.0.1:8437/v1/tokens/billing/refresh") == "403"
        unix = command + "--unix-socket /run/tokenbroker-httpd/http.sock http://localhost/v1/tokens/billing/refresh"
        assert machine.run(f"runuser -u stranger -- {unix}") == "403"
        machine.run("usermod -aG tokenbroker-admin etl")
        machine.until(f"test \"$(runuser -u etl -- {unix})\" = 202")

    def confined(self):
        enter = "nsenter --target $(systemctl show -P MainPID tokenbroker-httpd) --mount --net runuser -u tokenbroker-httpd -- "
        for path in ("/etc/tokenbroker/secrets", "/etc/tokenbroker/secrets/default", "/var/lib/tokenbroker",
                     "/run/tokenbroker/tokens/default"):
            status, said = self.machine.run(f"{enter} cat {path}", may_fail=True)
            # What the link leads to is not there: httpd has a /dev/shm of its own.
            assert status != 0 and re.search("Permission denied|No such file", said), (path, said)
        assert self.machine.run(f"{enter} ls -A /dev/shm") == ""
        namespaces = self.machine.run("readlink /proc/1/ns/net /proc/$(systemctl show -P MainPID tokenbroker-httpd)/ns/net")
        assert len(set(namespaces.split())) == 2, namespaces
        status, said = self.machine.run(f"{enter} curl -sS -m 5 http://127.0.0.1:8437/livez", may_fail=True)
        assert status != 0 and "connect" in said, said
        assert "fingerprint" in self.machine.run(f"{enter} cat /run/tokenbroker/status.json"), "what it is for"

    def reload(self):
        machine, drop_in = self.machine, "/etc/tokenbroker/conf.d/zz-mistake.conf"
        machine.run(f"echo 'nonsense = 1' > {drop_in}; systemctl reload tokenbroker")
        said = machine.until("tokenbroker status | grep zz-mistake.conf")
        assert "nonsense" in said, said
        assert machine.run("runuser -u www-data -- reader < /dev/null")
        machine.run(f"rm {drop_in}; systemctl reload tokenbroker; systemctl reload tokenbroker-httpd")
        machine.until("! tokenbroker status | grep zz-mistake.conf")

    def generation(self):
        return int(json.loads(self.machine.run("runuser -u www-data -- tokenbroker info --json"))["generation"])

    def requests(self):
        return json.loads(self.machine.run(f"curl -sS {self.server}/_control/counts"))["endpoints"]["token"]["requests"]

    def stop_and_start(self):
        machine, generation, requests = self.machine, self.generation(), self.requests()
        machine.run("systemctl stop tokenbroker")
        assert machine.run("runuser -u www-data -- reader < /dev/null").startswith("1 reads, 0 failures")
        status, said = machine.run("tokenbroker status", may_fail=True)
        assert status == 8 and "stopped" in said, said
        machine.run("systemctl start tokenbroker")
        assert (self.generation(), self.requests()) == (generation, requests), "it was adopted"
        assert machine.run("curl -sSf http://127.0.0.1:8437/livez") == "ok\n"

    def watchdog(self):
        machine = self.machine
        override = "/etc/systemd/system/tokenbroker.service.d/watchdog.conf"
        machine.run(f"mkdir -p $(dirname {override}); printf '[Service]\\nWatchdogSec=3\\nTimeoutAbortSec=2\\n' > {override};"
                    "systemctl daemon-reload; systemctl restart tokenbroker")
        pid, generation = machine.run("systemctl show -P MainPID tokenbroker").strip(), self.generation()
        machine.run(f"kill -STOP {pid}")
        machine.until(f"pid=$(systemctl show -P MainPID tokenbroker); test $pid != 0 && test $pid != {pid} && "
                      "systemctl is-active tokenbroker", 60)
        assert self.generation() == generation
        assert "Watchdog timeout" in machine.run("journalctl -u tokenbroker")
        assert machine.run("find / -xdev -name 'core*' -newer /root/reader.c -type f -size +100k | head -1") == ""
        machine.run(f"rm {override}; systemctl daemon-reload; systemctl restart tokenbroker")

    def credential(self):
        machine = self.machine
        machine.run("""
            install -d -m 0700 /etc/tokenbroker/credentials
            install -m 0600 secret /etc/tokenbroker/credentials/sealed
            printf '[Service]\\nLoadCredential=sealed:/etc/tokenbroker/credentials/sealed\\n' \\
                > /etc/systemd/system/tokenbroker.service.d/credential.conf
            sed -e 's/"billing"/"sealed"/' -e 's|"/etc/tokenbroker/secrets/billing"|"credential:sealed"|' \\
                /etc/tokenbroker/conf.d/billing.conf > /etc/tokenbroker/conf.d/sealed.conf
            systemctl daemon-reload
            systemctl restart tokenbroker
            runuser -u etl -- tokenbroker get sealed --wait 20 > /dev/null""")
        machine.run("rm -r /etc/systemd/system/tokenbroker.service.d /etc/tokenbroker/credentials "
                    "/etc/tokenbroker/conf.d/sealed.conf; systemctl daemon-reload; systemctl restart tokenbroker")

    def upgrade(self):
        later = self.directory / "deb-later"
        build_deb(later, "2", DEB_BUILD_OPTIONS="nocheck parallel=2")
        for name in ("tokenbroker", "libtokenbroker0", "libtokenbroker-dev"):
            shutil.copy(deb_of(later, name), self.root / "root")
        readers = [self.machine.start(f"exec runuser -u {user} -- reader {token}")
                   for user, token in (("www-data", "default"), ("etl", "billing")) for _ in range(4)]
        before = self.machine.run("systemctl show -P MainPID tokenbroker tokenbroker-httpd")
        self.machine.run("sleep 1; apt-get install -q -y ./*_0.1.0-2_*.deb")
        after = self.machine.run("systemctl show -P MainPID tokenbroker tokenbroker-httpd")
        assert set(before.split()).isdisjoint(after.split()), "the new programs run"
        self.machine.run("sleep 1; test $(dpkg-query -W -f '${Version}' tokenbroker) = 0.1.0-2")
        said = [reader.communicate(timeout=60)[0].strip().splitlines()[-1] for reader in readers]
        assert all(re.match(r"\d+ reads, 0 failures, 1 generations", line) for line in said), said
        return f"{sum(int(line.split()[0]) for line in said)} reads of 8 processes"

    def autopkgtest(self):
        """As debian/tests/control has it, but with the server as it was built outside."""
        text = (ROOT / "packaging/deb/tests/end-to-end").read_text()
        text, number = re.subn(r"^make .*\n", "mkdir -p \"$work/build/tests/support\"\n"
                               "cp /usr/local/bin/auth_server \"$work/build/tests/support/\"\n", text, flags=re.M)
        assert number == 1
        (self.root / "root/end-to-end").write_text(text)
        self.machine.run("bash end-to-end")

    def remove(self):
        said = self.machine.run("apt-get remove -q -y tokenbroker")
        assert "published tokens stay readable" in said, said
        assert self.machine.run("runuser -u www-data -- reader < /dev/null").startswith("1 reads, 0 failures")
        assert self.machine.run("ls /etc/tokenbroker/secrets/default")

    def purge(self):
        machine, revocations = self.machine, self.counts("revoke")
        said = machine.run("apt-get purge -q -y tokenbroker libtokenbroker0 libtokenbroker-dev")
        assert "/etc/tokenbroker/secrets/default" in said, said
        assert machine.run("ls -A /dev/shm") == "" and machine.run("find /run -name '*tokenbroker*'") == ""
        assert self.counts("revoke") == revocations, "nobody was asked to revoke anything"
        left = machine.run(LEFT.format("f") + "; " + LEFT.format("d"))
        extra = {line for line in set(left.split("\n")) - set(self.files_before.split("\n")) if not KEPT.match(line)}
        assert extra == {"/etc/tokenbroker", "/etc/tokenbroker/conf.d", "/etc/tokenbroker/secrets",
                         "/etc/tokenbroker/conf.d/default.conf", "/etc/tokenbroker/conf.d/billing.conf",
                         "/etc/tokenbroker/secrets/default", "/etc/tokenbroker/secrets/billing",
                         "/usr/local/bin/reader"}, extra
        assert machine.run("systemctl list-units --all --failed --no-legend").strip() == ""

    def counts(self, endpoint):
        return json.loads(self.machine.run(f"curl -sS {self.server}/_control/counts"))["endpoints"][endpoint]["requests"]

    def down(self):
        self.machine.end()


def readme_block(heading):
    """The first block of commands below a heading of the README."""
    text = (ROOT / "README.md").read_text().partition(f"\n{heading}\n")[2]
    assert text, heading
    return re.search(r"^```\w*\n(.*?)^```", text, re.M | re.S)[1]


def in_a_container(directory):
    """The recipe of the README: a broker on the host, its directory bound into a container."""
    block = readme_block("### In containers")
    assert 'backing = directory' in block and "--bind-ro=/run/tokenbroker" in block
    with tempfile.TemporaryDirectory(prefix="tokenbroker-check.", dir="/dev/shm") as shared:
        Path(shared).chmod(0o755)
        host, container = directory / "host", directory / "container"
        unpack(directory / "root.tar", host)
        unpack(directory / "root.tar", container)
        for name in ("tokenbroker", "libtokenbroker0", "libtokenbroker-dev"):
            shutil.copy(deb_of(directory / "deb", name), host / "root")
        shutil.copy(directory / "programs/tests/support/auth_server", host / "usr/local/bin/")
        shutil.copy(directory / "programs/tokenbroker", container / "usr/local/bin/")
        machine = Machine(host, f"--bind={shared}:/run/tokenbroker")
        try:
            machine.run("umask 077; echo container-secret > secret; dpkg -i *.deb; "
                        "install -m 0600 -o tokenbroker secret /etc/tokenbroker/secrets/default; "
                        "systemd-run --unit=provider --property=WorkingDirectory=/root auth_server --port 8080 "
                        "--client-id c --client-secret-file secret --lifetime 3600")
            machine.until("journalctl -u provider | grep -q READY")
            machine.run("""cat > /etc/tokenbroker/conf.d/default.conf <<'END'
backing = directory
token "default" {
    token_url = "http://127.0.0.1:8080/oauth2/token"
    allow_http = true
    client_id = "c"
    client_secret_file = "/etc/tokenbroker/secrets/default"
    readers = {"33"}
}
END
                systemctl restart tokenbroker; runuser -u www-data -- tokenbroker get --wait 20 > /dev/null""")
            inside = ["systemd-nspawn", "--quiet", "-D", container, "--register=no", "--keep-unit", "--console=pipe",
                      f"--bind-ro={shared}:/run/tokenbroker"]
            said = run(*inside, "--user=www-data", "/usr/local/bin/tokenbroker", "info")
            assert "valid" in said, said
            status, said = run(*inside, "--user=nobody", "/usr/local/bin/tokenbroker", "info", may_fail=True)
            assert status == 7, said
        finally:
            machine.end()


def rpm_in_a_root(directory):
    """rpm --root: installed, verified, its scriptlets run, removed. Its requirements are not there, and
    were compared with what Fedora and EL 9 provide."""
    root = directory / "rpm-root"
    unpack(directory / "root.tar", root)
    rpms = [rpm_of(directory / "rpm", name) for name in ("tokenbroker", "tokenbroker-libs", "tokenbroker-devel")]
    said = run("rpm", "--root", root, "--nodeps", "--install", "--verbose", *rpms)
    assert "warning" not in said and "failed" not in said, said
    verified = run("rpm", "--root", root, "--verify", "--nodeps", "tokenbroker", "tokenbroker-libs", "tokenbroker-devel",
                   may_fail=True)[1]
    assert verified.strip() == "", verified
    inside = ["chroot", root, "sh", "-c"]
    assert run(*inside, "stat -c '%a %U:%G' /etc/tokenbroker/secrets").strip() == "700 tokenbroker:tokenbroker"
    run(*inside, "getent group tokenbroker-admin && getent passwd tokenbroker-httpd")
    run(*inside, "tokenbrokerd --check-config && tokenbroker --version && tokenbroker-httpd --version")
    shutil.copy(Path(__file__).with_name("reader.c"), root / "root")
    run(*inside, "cd /root && cc -std=c99 -D_GNU_SOURCE -o reader reader.c -L/usr/lib64 "
        "$(PKG_CONFIG_PATH=/usr/lib64/pkgconfig pkg-config --cflags --libs tokenbroker)")
    run("rpm", "--root", root, "--nodeps", "--erase", "tokenbroker", "tokenbroker-libs", "tokenbroker-devel")
    left = [path for path in run(*inside, "find / -xdev -path /proc -prune -o -name '*tokenbroker*' -print").split()
            if not path.startswith(("/run/tokenbroker", "/var/lib/tokenbroker"))]
    assert left == [], left


def steps(directory):
    story = Story(directory)
    yield from story.steps()
    yield "a container reads by a bind mount, as the README says", lambda: in_a_container(directory)
    yield "rpm: installed, verified and removed in a root", lambda: rpm_in_a_root(directory)
    # Some gigabytes. What is left after a failure can be looked at.
    for name in ("root", "host", "container", "rpm-root"):
        shutil.rmtree(directory / name, ignore_errors=True)
