# SPDX-License-Identifier: MIT
"""The places that programs have tokens from today, each with the same token in it. All of them run as the
measuring user, out of one directory, and listen on Unix sockets or loopback."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import issuer
from debian import Unavailable
from processes import wait_until


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _listens(path):
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def _ask(path, question, wanted):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(question)
        answer = connection.recv(100)
    assert answer == wanted, answer


class Peers:
    """directory: on tmpfs, of the measuring user. Each method starts one and returns its addresses for
    bench/peers.c, and raises Unavailable."""

    def __init__(self, made, packages, token, stack):
        self.directory = made.directory / "peers"
        self.directory.mkdir(mode=0o755)
        self._made = made
        self._packages = packages
        self._token = token
        self._stack = stack

    def _start(self, argv, name, **options):
        # As a service manager would: with nothing of the environment but where things are found.
        env = {**self._packages.environment(), **options.pop("env", {})}
        return self._made.process(argv, name, env=env, **options)

    def file(self):
        path = self.directory / "token"
        path.write_text(self._token)
        path.chmod(0o600)
        return [f"pread:{path}", f"file:{path}"]

    def keyctl(self):
        keyctl = self._packages.program("keyctl", "keyutils")
        added = subprocess.run([keyctl, "padd", "user", "tokenbroker-bench", "@u"], input=self._token, text=True,
                               capture_output=True, env=self._packages.environment(), check=False)
        if added.returncode != 0:
            raise Unavailable(added.stderr.strip())
        number = added.stdout.strip()
        self._stack.callback(subprocess.run, [keyctl, "unlink", number, "@u"], check=False,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self._packages.environment())
        # Its owner may read it, without a keyring of the session that leads to it.
        subprocess.run([keyctl, "setperm", number, "0x3f3f0000"], check=True, env=self._packages.environment())
        return [f"keyctl:{number}"]

    def redis(self):
        path = self.directory / "redis"
        self._start([self._packages.program("redis-server", "redis-server"), "--port", "0", "--unixsocket", path,
                     "--save", "", "--appendonly", "no", "--dir", self.directory], "redis")
        wait_until(lambda: _listens(path), what="redis")
        _ask(path, f"SET token {self._token}\r\n".encode(), b"+OK\r\n")
        return [f"redis:{path}", f"redis-call:{path}"]

    def memcached(self):
        path = self.directory / "memcached"
        argv = [self._packages.program("memcached", "memcached"), "-s", path, "-m", "16", "-t", "1"]
        self._start(argv + (["-u", "root"] if os.geteuid() == 0 else []), "memcached")
        wait_until(lambda: _listens(path), what="memcached")
        _ask(path, f"set token 0 0 {len(self._token)}\r\n{self._token}\r\n".encode(), b"STORED\r\n")
        return [f"memcached:{path}", f"memcached-call:{path}"]

    def sidecar(self):
        port = nginx(self._made, self._packages, self.directory / "sidecar", {"index.html": self._token + "\n\n"})
        return [f"http:{port}"]

    def oidc_agent(self):
        agent = self._packages.program("oidc-agent", "oidc-agent-cli")
        library = self._packages.library("liboidc-agent.so.*", "liboidc-agent4")
        home = self.directory / "home"
        (home / ".oidc-agent").mkdir(parents=True, mode=0o700)
        for settings in (Path("/etc/oidc-agent"), self._packages.root / "etc/oidc-agent"):
            if settings.is_dir():
                shutil.copytree(settings, home / ".oidc-agent", dirs_exist_ok=True)
        self.agent_env = {**self._packages.environment(), "HOME": str(home), "OIDC_SOCK": str(home / "agent")}
        self._start([agent, "--console", "--quiet", "-a", home / "agent"], "oidc-agent", env=self.agent_env)
        wait_until((home / "agent").exists, what="oidc-agent")
        self._make_account(self._stack.enter_context(issuer.serve(self._token)), home)
        return [f"oidc:{library}"]

    def _make_account(self, url, home):
        """The agent has no client credentials: an account by the password flow."""
        password = home / "password"
        password.write_text("not-real\n")
        made = subprocess.run(
            [self._packages.program("oidc-gen", "oidc-agent-cli"), "bench", "-m", f"--iss={url}", "--client-id=app",
             "--client-secret=not-real", "--redirect-uri=http://localhost:4242", "--scope=openid offline_access",
             "--flow=password", "--op-username=user", "--op-password=not-real", "--dae=http://localhost/none",
             f"--pw-file={password}", "--prompt=none", "--confirm-yes", "--no-url-call"],
            env=self.agent_env, capture_output=True, text=True, timeout=60, check=False)
        if made.returncode != 0:
            raise Unavailable(f"oidc-gen: {(made.stderr.splitlines() or ['failed'])[-1]}")


NGINX = """\
{user}
daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; default_type text/plain;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    server {{ listen 127.0.0.1:{port} backlog=4096; root {directory}/files; }}
}}
"""


def nginx(made, packages, directory, files):
    """nginx with one worker and files: {name: text}; its port."""
    program = packages.program("nginx", "nginx-light")
    (directory / "files").mkdir(parents=True)
    for name, text in files.items():
        (directory / "files" / name).write_text(text)
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    (directory / "nginx.conf").write_text(NGINX.format(directory=directory, port=port, user=user))
    made.process([program, "-p", directory, "-c", directory / "nginx.conf", "-e", directory / "error.log"], "nginx",
                 env=packages.environment())

    def answers():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
    wait_until(answers, what="nginx")
    return port
