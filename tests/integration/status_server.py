# SPDX-License-Identifier: MIT
"""tokenbroker-httpd of a test, and curl as its client: nothing of our own stands in between."""

import json
import socket
import subprocess

from tb import IS_ROOT, Process, wait_until

HTTPD_UID = 10005
ACCESS_TOKEN = "access-canary-0d2f6b1c7e"


def free_port(family=socket.AF_INET):
    with socket.socket(family) as probe:
        probe.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        return probe.getsockname()[1]


class Answer:
    """Status, headers (names in lower case) and body of one answer."""

    def __init__(self, raw):
        head, _, self.body = raw.partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {}
        for line in lines:
            name, _, value = line.partition(": ")
            self.headers.setdefault(name.lower(), []).append(value)

    def header(self, name):
        values = self.headers.get(name, [])
        assert len(values) <= 1, (name, values)
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:300]!r}"


class Httpd(Process):
    """A running server. over: "unix" or "tcp" for each request."""

    def __init__(self, world, arguments=(), uid=None, env=None, port=None, **options):
        self.world = world
        self.socket = world.directory / "httpd" / "http.sock"
        self.port = port
        argv = [world.build / "tokenbroker-httpd", "--config", world.config_path, "--runtime-dir",
                world.runtime_dir, *arguments]
        super().__init__(argv, world.output, "tokenbroker-httpd", uid=uid,
                         env={**world.environment(), **(env or {})}, **options)

    def wait_ready(self):
        wait_until(lambda: "listening on" in self.err() or not self.is_running(), 10, "the server")
        assert self.is_running(), self.err()
        wait_until(lambda: self.get("/livez").status in (200, 503), 10, "an answer")
        return self

    def command(self, path, *arguments, over="unix"):
        """The curl command for a request."""
        where = (["--unix-socket", str(self.socket), f"http://localhost{path}"] if over == "unix"
                 else [f"http://127.0.0.1:{self.port}{path}"])
        return ["curl", "-sS", "-i", "--max-time", "20", *arguments, *where]

    def request(self, path, *arguments, over="unix", uid=None):
        identity = {"user": uid, "group": uid, "extra_groups": []} if uid and IS_ROOT else {}
        ran = subprocess.run(self.command(path, *arguments, over=over), capture_output=True, text=True,
                             timeout=30, check=False, **identity)
        assert ran.returncode == 0, ran.stderr
        # text=True makes "\n" of "\r\n".
        return Answer(ran.stdout.replace("\n", "\r\n", ran.stdout.split("\n\n")[0].count("\n") + 2))

    def get(self, path, *arguments, **options):
        return self.request(path, *arguments, **options)

    def post(self, path, *arguments, **options):
        return self.request(path, "-X", "POST", *arguments, **options)

    def memory_kib(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def http_keys(world, port, access_token=False, **keys):
    """The section http of a configuration."""
    directory = world.directory / "httpd"
    if not directory.exists():
        world.make_directory("httpd", 0o755, HTTPD_UID)
    given = {"listen": [f"127.0.0.1:{port}"], "unix_socket": directory / "http.sock", **keys}
    if IS_ROOT:
        given.setdefault("user", str(HTTPD_UID))
    if access_token:
        given["access_token_file"] = write_access_token(world)
    return given


def write_access_token(world, text=ACCESS_TOKEN, mode=0o600):
    path = world.directory / "httpd" / "access"
    path.write_text(text + "\n")
    path.chmod(mode)
    world.give(path, HTTPD_UID)
    return path


def start(world, tokens, access_token=False, arguments=(), env=None, top=None, **keys):
    """Writes the configuration for both programs and starts the server (not the broker)."""
    port = free_port()
    world.write_config(tokens, **(top or {}), http=http_keys(world, port, access_token, **keys))
    return world.keep(Httpd(world, arguments, uid=HTTPD_UID if IS_ROOT else None, env=env, port=port))
