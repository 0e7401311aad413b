# SPDX-License-Identifier: MIT
"""tokenbrokerd and the command line, each test with directories of its own on tmpfs."""

import json
import os
import shutil
import signal
import socket
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

import control
import segment
from auth_server import CLIENT_ID, CLIENT_SECRET, AuthServer, Tls
from processes import Process, as_uid, wait_until

# Numbers, not names: no such users exist, and none are needed.
BROKER_UID = 10001
READER_UID = 10002
OTHER_READER_UID = 10003
STRANGER_UID = 10004

IS_ROOT = os.geteuid() == 0


class Notifications:
    """What a service manager would hear: a socket and a thread that empties it."""

    def __init__(self, path):
        self.path = path
        self._lines = []
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        os.chmod(path, 0o666)
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self):
        while data := self._socket.recv(65536):
            with self._lock:
                self._lines += data.decode(errors="replace").splitlines()

    def lines(self):
        with self._lock:
            return list(self._lines)

    def has(self, line):
        return line in self.lines()

    def last_status(self):
        """The text of the last STATUS=, or None."""
        texts = [line.removeprefix("STATUS=") for line in self.lines() if line.startswith("STATUS=")]
        return texts[-1] if texts else None

    def close(self):
        if not self._thread.is_alive():
            return
        # An empty datagram ends the thread; closing alone would not wake it.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", str(self.path))
        self._thread.join(5)
        self._socket.close()


class Broker(Process):
    """One run of tokenbrokerd in a world; started by World.broker()."""

    def __init__(self, world, arguments, uid, env, prefix=()):
        self.world = world
        self.notifications = Notifications(world.directory / f"notify.{Process.counter}")
        argv = [*prefix, world.build / "tokenbrokerd", "--config", world.config_path, "--runtime-dir",
                world.runtime_dir, "--state-dir", world.state_dir, *arguments]
        super().__init__(argv, world.output, "tokenbrokerd", uid=uid,
                         env={**world.environment(), "NOTIFY_SOCKET": str(self.notifications.path),
                              **(env or {})})

    def wait_ready(self, timeout=25.0):
        def is_ready():
            if self.notifications.has("READY=1"):
                return True
            assert self.is_running(), f"the broker ended with {self.popen.returncode}\n{self.err()}"
            return False
        wait_until(is_ready, timeout, "READY=1")
        return self

    def reload(self):
        self.signal(signal.SIGHUP)

    def stop(self, timeout=10.0):
        return self.terminate(timeout)

    def end(self):
        super().end()
        self.notifications.close()

    def wait_log(self, text, timeout=10.0):
        """Waits for a line on stderr that holds text and returns it."""
        return wait_until(lambda: next((line for line in self.err_lines() if text in line), None),
                          timeout, f"a log line with {text!r}")

    # What it shows belongs to the world: it outlives the process.

    def status(self):
        return self.world.status()

    def token_status(self, name="default"):
        return self.world.token_status(name)

    def wait_status(self, predicate, timeout=10.0):
        return self.world.wait_status(predicate, timeout)

    def wait_token(self, predicate, name="default", timeout=10.0):
        return self.world.wait_token(predicate, name, timeout)


class Result:
    """A command that has ended."""

    def __init__(self, process, timeout):
        self.status = process.wait(timeout)
        self.out = process.out()
        self.err = process.err()

    def __repr__(self):  # without stdout, which may be a token
        return f"Result(status={self.status}, err={self.err!r})"


class Cli:
    """`tokenbroker` of a world."""

    def __init__(self, world):
        self._world = world

    def start(self, *arguments, uid=None, env=None):
        world = self._world
        return world.process([world.build / "tokenbroker", *arguments], "tokenbroker", uid=uid, env=env)

    def __call__(self, *arguments, uid=None, env=None, timeout=60.0):
        """cli("get", "default", uid=READER_UID) -> Result"""
        return Result(self.start(*arguments, uid=uid, env=env), timeout)


class World:
    """Directories, processes and settings of one test; close() ends and removes all of it."""

    def __init__(self, build):
        self.build = build
        self.broker_uid = BROKER_UID if IS_ROOT else os.geteuid()
        self.reader_uid = READER_UID if IS_ROOT else os.geteuid()
        # tmpfs: a runtime directory lies on one, and segments may be put into it.
        self.directory = Path(tempfile.mkdtemp(prefix="tb-test.", dir="/dev/shm"))
        self.directory.chmod(0o755)
        self.runtime_dir = self.make_directory("run", 0o755)
        self.state_dir = self.make_directory("state", 0o700)
        self.secrets_dir = self.make_directory("secrets", 0o700)
        self.output = self.directory / "output"
        self.output.mkdir()
        self.config_path = self.directory / "tokenbroker.conf"
        self.cli = Cli(self)
        self.may_leave_segments = False  # a test that kills brokers may leave unlinked ones
        self._processes = []

    def make_directory(self, name, mode, uid=None):
        path = self.directory / name
        path.mkdir()
        path.chmod(mode)
        self.give(path, uid)
        return path

    def give(self, path, uid=None):
        """Makes path the broker's, or uid's."""
        if IS_ROOT:
            owner = self.broker_uid if uid is None else uid
            os.chown(path, owner, owner)

    def environment(self):
        """Of every process: nothing of the user's own set-up, all of the build's (sanitizers)."""
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("TOKENBROKER_", "XDG_", "NOTIFY_", "WATCHDOG_", "JOURNAL_"))}
        return {**kept, "TOKENBROKER_RUNTIME_DIR": str(self.runtime_dir)}

    # Configuration

    def write_secret(self, name="default", secret=CLIENT_SECRET, mode=0o600):
        """Replaces the secret file as an administrator does, by rename; returns its path."""
        path = self.secrets_dir / name
        new = self.secrets_dir / f".{name}.new"
        new.write_text(secret + "\n")
        new.chmod(mode)
        self.give(new)
        new.rename(path)
        return path

    def token(self, server, name="default", generic=False, **keys):
        """The keys of a token of server, with its secret file written; keys None are left out."""
        path = self.secrets_dir / name
        if "client_secret_file" not in keys and not path.exists():
            self.write_secret(name)
        given = {
            "token_url": server.generic_token_url if generic else server.token_url,
            "revoke_url": server.generic_revoke_url if generic else server.revoke_url,
            "client_id": CLIENT_ID,
            "client_secret_file": path,
            "readers": [str(self.reader_uid)],
            "allow_http": True,
            **keys,
        }
        return {key: value for key, value in given.items() if value is not None}

    def write_config(self, tokens, text="", **top):
        """tokens: {name: keys}; top: keys before them, a dict makes a section; text: as it is, last."""
        lines = [_config_line(key, value) for key, value in top.items()]
        for name, keys in tokens.items():
            lines.append(f"token {_config_value(name)} {{")
            lines += ["    " + _config_line(key, value) for key, value in keys.items()]
            lines.append("}")
        new = self.config_path.with_suffix(".new")
        new.write_text("\n".join(lines) + "\n" + text)
        new.chmod(0o644)
        new.rename(self.config_path)
        return self.config_path

    # Processes

    def process(self, argv, name, uid=None, env=None, **options):
        process = Process(argv, self.output, name, uid=uid,
                          env={**self.environment(), **(env or {})}, **options)
        return self.keep(process)

    def keep(self, process):
        """process is ended by close()."""
        self._processes.append(process)
        return process

    def auth_server(self, **options):
        """A test authorization server that knows the default client."""
        server = self.keep(AuthServer(self.build, self.output, **options))
        server.set_client()
        return server

    def tls(self, **options):
        directory = self.directory / "tls"
        directory.mkdir()
        return Tls(directory, **options)

    def broker(self, *arguments, uid=None, env=None, prefix=()):
        """Starts tokenbrokerd, by prefix where that is another command; see Broker.wait_ready()."""
        return self.keep(Broker(self, arguments, self.broker_uid if uid is None else uid, env, prefix))

    def ready_broker(self, server, **keys):
        """A broker with one token, default, of server, once it has it."""
        self.write_config({"default": self.token(server, **keys)})
        broker = self.broker().wait_ready()
        broker.wait_token(lambda token: token["state"] == "valid")
        return broker

    # What a broker shows

    def status(self):
        """status.json, or None while there is none."""
        try:
            return json.loads((self.runtime_dir / "status.json").read_text())
        except FileNotFoundError:
            return None

    def token_status(self, name="default"):
        status = self.status() or {"tokens": []}
        return next((token for token in status["tokens"] if token["name"] == name), None)

    def wait_status(self, predicate, timeout=10.0):
        def look():
            status = self.status()
            return status if status is not None and predicate(status) else None
        return wait_until(look, timeout, "a status")

    def wait_token(self, predicate, name="default", timeout=10.0):
        """Waits for status.json to show the token as predicate wants it; returns that object."""
        def look():
            token = self.token_status(name)
            return token if token is not None and predicate(token) else None
        try:
            return wait_until(look, timeout, f"a status of {name}")
        except AssertionError as error:
            raise AssertionError(f"{error}; now: {self.token_status(name)}") from None

    def segment_path(self, name="default"):
        """Where the token's link leads, or None."""
        link = self.runtime_dir / "tokens" / name
        try:
            return Path(os.path.normpath(link.parent / os.readlink(link)))
        except FileNotFoundError:
            return None

    def segment(self, name="default"):
        return segment.parse(self.segment_path(name))

    def control(self, number, name="default", uid=None, gid=None, groups=(), **fields):
        """One command over the control socket, as uid (else as the test); control.Answer."""
        if uid is None:
            return control.command(self.runtime_dir, number, name, **fields)
        return as_uid(uid, lambda: control.command(self.runtime_dir, number, name, **fields),
                      gid=gid, groups=groups)

    # The end

    def close(self):
        """Ends and removes everything, even if a part of that fails."""
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, self.directory)
            stack.callback(self._check_what_is_left)
            for process in self._processes:
                stack.callback(process.end)

    def _check_what_is_left(self):
        left = self._remove_segments()
        reports = [report for process in self._processes if (report := process.sanitizer_report())]
        assert not reports, "\n".join(reports)
        assert self.may_leave_segments or not left, f"segments that no link names: {left}"

    def _remove_segments(self):
        """A clean stop leaves the linked segments by design; names of any others are returned."""
        for link in (self.runtime_dir / "tokens").glob("*"):
            path = self.segment_path(link.name)
            if path is not None and path.parent == segment.SHM:
                path.unlink(missing_ok=True)
        left = segment.shared_memory_of(self.runtime_dir)
        for path in left:
            path.unlink(missing_ok=True)
        return [path.name for path in left]


def _config_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "{" + ", ".join(_config_value(item) for item in value) + "}"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _config_line(key, value):
    if isinstance(value, dict):
        lines = [_config_line(inner, item) for inner, item in value.items()]
        return f"{key} {{\n" + "\n".join(lines) + "\n}"
    return f"{key} = {_config_value(value)}"
