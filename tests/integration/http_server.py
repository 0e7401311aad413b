# SPDX-License-Identifier: MIT
"""tokenbroker-httpd, and curl to ask it: no code of the project stands between it and a test."""

import itertools
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass

from broker import IS_ROOT, Notifications
from processes import Process, wait_until

HTTP_UID = 10005 if IS_ROOT else os.geteuid()
PROBLEM_TYPE = "application/problem+json"

# HTTP/1.1 as it is told to: no settings of the user, no proxy, no path put right.
CURL = ("curl", "--disable", "--silent", "--show-error", "--noproxy", "*", "--http1.1", "--path-as-is",
        "--max-time", "30")

_numbers = itertools.count()


def own_address():
    """ADDRESS:PORT that no other process uses: all of 127.0.0.0/8 is this host."""
    pid = os.getpid()
    return f"127.{1 + (pid >> 16) % 250}.{pid >> 8 & 255}.{pid & 255}:{8437 + next(_numbers)}"


def bearer(token):
    """Arguments of curl; so is header()."""
    return ["--header", f"Authorization: Bearer {token}"]


def header(name, value):
    return ["--header", f"{name}: {value}"]


@dataclass
class Answer:
    status: int
    headers: list  # of (name in lower case, value)
    body: bytes

    def header(self, name):
        """Its value, None if it is missing; twice is a failure."""
        values = [value for key, value in self.headers if key == name]
        assert len(values) < 2, f"{name} is there {len(values)} times"
        return values[0] if values else None

    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)

    def problem(self, status):
        """Fails unless it is an error as RFC 9457 has them; its detail."""
        assert self.status == status, self
        assert self.header("content-type") == PROBLEM_TYPE
        problem = self.json()
        assert (problem.pop("type"), problem.pop("status")) == ("about:blank", status)
        assert problem.pop("title")
        detail = problem.pop("detail")
        assert detail and problem == {}
        return detail


def parse(data):
    """What `curl --include` or a socket has brought."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    version, status = first.split(" ")[:2]
    assert version in ("HTTP/1.0", "HTTP/1.1"), first
    pairs = [line.split(": ", 1) for line in lines]
    return Answer(int(status), [(name.lower(), value) for name, value in pairs], body)


class Httpd(Process):
    """One run of tokenbroker-httpd with the world's configuration; made by start()."""

    def __init__(self, world, arguments, launcher=(), uid=None, env=None, **options):
        self.world = world
        self.notifications = Notifications(world.directory / f"notify.{Process.counter}")
        argv = [*launcher, world.build / "tokenbroker-httpd", "--config", world.config_path,
                "--runtime-dir", world.runtime_dir, *arguments]
        super().__init__(argv, world.output, "tokenbroker-httpd", uid=HTTP_UID if uid is None else uid,
                         env={**world.environment(), "NOTIFY_SOCKET": str(self.notifications.path),
                              **(env or {})}, **options)

    def end(self):
        super().end()
        self.notifications.close()

    def listening(self):
        """What it says that it listens on."""
        return [line.partition("listening on ")[2] for line in self.err_lines()
                if "listening on " in line]

    def wait_ready(self, timeout=10.0):
        def is_ready():
            if self.notifications.has("READY=1"):
                return True
            assert self.is_running(), f"it ended with {self.popen.returncode}\n{self.err()}"
            return False
        wait_until(is_ready, timeout, "READY=1")
        assert self.listening()
        return self

    def wait_log(self, text, timeout=10.0):
        return wait_until(lambda: next((line for line in self.err_lines() if text in line), None),
                          timeout, f"a log line with {text!r}")

    @property
    def base(self):
        """http://ADDRESS:PORT, the first TCP address."""
        return next(name for name in self.listening() if name.startswith("http://"))

    @property
    def address(self):
        """(host, port) for a socket."""
        host, _, port = self.base.removeprefix("http://").rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def socket_path(self):
        return next(name for name in self.listening() if name.startswith("unix:")).removeprefix("unix:")

    # Requests

    def command(self, path, *arguments, unix=False):
        """The curl command line for path."""
        where = ["--unix-socket", self.socket_path] if unix else []
        base = "http://localhost" if unix else self.base
        return [*CURL, *where, *map(str, arguments), base + path]

    def ask(self, path, *arguments, unix=False, uid=None):
        """ask("/v1/status", "--head") -> Answer: over TCP, or over the Unix socket as uid."""
        return parse(curl(self.command(path, "--include", *arguments, unix=unix), uid))

    def post(self, path, *arguments, unix=False, uid=None):
        return self.ask(path, "--request", "POST", *arguments, unix=unix, uid=uid)

    def status(self):
        return self.ask("/v1/status").json()

    def connect(self, timeout=20.0):
        return socket.create_connection(self.address, timeout)


def curl(argv, uid=None):
    """What it prints; fails if it does."""
    identity = {} if uid in (None, os.geteuid()) else {"user": uid, "group": uid, "extra_groups": []}
    run = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
                         **identity)
    assert run.returncode == 0, f"{argv}: {run.returncode} {run.stderr.decode()}"
    return run.stdout


def section(world, **keys):
    """The http section of a configuration: an address and a socket of the test's own."""
    directory = world.directory / "httpd"
    if not directory.exists():
        world.make_directory("httpd", 0o755, HTTP_UID)
    return {"listen": [own_address()], "unix_socket": directory / "http.sock", "user": str(HTTP_UID),
            **keys}


def write_access_token(world, token, mode=0o600):
    """The file as it has to be; returns its path."""
    path = world.directory / "access-token"
    new = path.with_suffix(".new")
    new.write_text(token + "\n")
    new.chmod(mode)
    world.give(new, HTTP_UID)
    new.rename(path)
    return path


def start(world, *arguments, **options):
    """A server of the world's configuration, not waited for; launcher: a command that executes it."""
    return world.keep(Httpd(world, arguments, **options))


LAUNCHER = """
import fcntl, os, sys
given = [int(number) for number in sys.argv[1].split(",")]
kept = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 64) for number in given]
for number in given:
    os.set_inheritable(number, False)
for place, number in enumerate(kept):
    os.dup2(number, 3 + place)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(kept)))
os.execv(sys.argv[2], sys.argv[2:])
"""


def activate(world, *sockets):
    """A server that gets sockets as systemd hands them over: from descriptor 3 on."""
    numbers = [item.fileno() for item in sockets]
    return start(world, launcher=[sys.executable, "-c", LAUNCHER, ",".join(map(str, numbers))], pass_fds=numbers)


def listener(family, address):
    item = socket.socket(family)
    item.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    item.bind(address)
    item.listen()
    return item


def serve(world, server, *, admins=(), http=None, tokens=None, **keys):
    """A broker with one token, default, of server, and a ready Httpd; keys: of the token."""
    tokens = {"default": world.token(server, **keys)} if tokens is None else tokens
    world.write_config(tokens, admins=list(admins), http=section(world, **(http or {})))
    broker = world.broker().wait_ready()
    for name in tokens:
        broker.wait_token(lambda token: token["state"] == "valid", name)
    return broker, start(world).wait_ready()


def metrics(text):
    """{"name{labels}": value} of an answer to GET /metrics."""
    pairs = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in pairs}
