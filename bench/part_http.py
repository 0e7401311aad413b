# SPDX-License-Identifier: MIT
"""tokenbroker-httpd beside nginx, each one thread, under the same load in turn."""

import re
import resource
import socket
import subprocess
import time
from contextlib import ExitStack

import brokers
import debian
import http_server
import peer_servers
from figures import median

ORDER = 80
TITLE = "requests a second of tokenbroker-httpd, beside nginx with one worker and a file of the same size"
PATHS = ("/v1/status", "/metrics", "/livez")
COUNTS = (1, 100)
WRK_CONNECTIONS = 32
WRK_S = 2
WRK_ROUNDS = 3
CONNECTIONS = 1000
GOAL = (">=", 0.5)


def _wrk(url):
    """Requests a second, and whether all of them were answered well."""
    told = subprocess.run(["wrk", "-t", "1", "-c", str(WRK_CONNECTIONS), "-d", f"{WRK_S}s", url], check=True,
                          stdout=subprocess.PIPE, text=True, timeout=60).stdout
    is_good = "Non-2xx" not in told and "Socket errors" not in told
    return float(re.search(r"Requests/sec:\s*([\d.]+)", told)[1]), is_good


def _in_turn(urls):
    """{name: the median of its rounds}, and whether all answers were good."""
    taken = {name: [] for name in urls}
    is_good = True
    for _ in range(WRK_ROUNDS):
        for name, url in urls.items():
            rate, good = _wrk(url)
            taken[name].append(rate)
            is_good &= good
    return {name: median(rates) for name, rates in taken.items()}, is_good


def _file_name(path):
    return path.strip("/").replace("/", "-")


def _compare(table, httpd, port, bodies, count):
    for path in PATHS:
        rates, is_good = _in_turn({"ours": httpd.base + path,
                                   "nginx": f"http://127.0.0.1:{port}/{_file_name(path)}"})
        what = f"{path}, {count} token{'s' if count > 1 else ''}, {len(bodies[path])} bytes"
        table.row(what, rates["ours"], "/s", "nginx", rates["nginx"], GOAL)
        table.check(f"{path}: every request was answered with 200", is_good)


def _serve(made, count):
    """A broker of so many tokens, and tokenbroker-httpd."""
    top = {"http": http_server.section(made)}
    brokers.write_config(made, brokers.auth_server(made, expires_in=86400), count, top)
    made.broker()
    brokers.wait_all_valid(made, count, 60)
    return http_server.start(made).wait_ready()


def _measure(table, build, packages, count):
    with brokers.world(build) as made:
        httpd = _serve(made, count)
        bodies = {path: httpd.ask(path).body for path in PATHS}
        port = peer_servers.nginx(made, packages, made.directory / "nginx",
                                  {_file_name(path): body.decode() for path, body in bodies.items()})
        _compare(table, httpd, port, bodies, count)
        if count == COUNTS[-1]:
            _memory(table, httpd, port)


# --- memory --------------------------------------------------------------------------------------

def _ask(connection, path, address):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n\r\n".encode())
    return connection.recv(65536).startswith(b"HTTP/1.1 200")


def _private_of_nginx(port):
    """Its worker: the one that a connection is served by."""
    listed = subprocess.run(["ss", "-Htlnp", f"sport = :{port}"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return max(int(number) for number in re.findall(r"pid=(\d+)", listed))


def _grown(pid, address, path):
    """KiB that 1,000 connections take, each of which has had an answer and stays."""
    with ExitStack() as stack:
        before = brokers.memory_kib(pid)["private"]
        connections = [stack.enter_context(socket.create_connection(address, 20)) for _ in range(CONNECTIONS)]
        answered = sum(_ask(connection, path, address) for connection in connections)
        time.sleep(0.2)
        return brokers.memory_kib(pid)["private"] - before, answered


def _memory(table, httpd, port):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(4096, hard)), hard))
    table.row("private memory, no connection", brokers.memory_kib(httpd.pid)["private"], "KiB")
    ours, answered = _grown(httpd.pid, httpd.address, "/livez")
    theirs, _ = _grown(_private_of_nginx(port), ("127.0.0.1", port), "/livez")
    table.row(f"{CONNECTIONS} connections, kept after an answer", ours, "KiB", "nginx", theirs)
    table.check(f"{CONNECTIONS} connections were answered", answered == CONNECTIONS)


def measure(table, build):
    packages = debian.Packages(build / "bench/root")
    try:
        packages.program("nginx", "nginx-light")
    except debian.Unavailable as error:
        table.missing("nginx", error, GOAL)
        return
    for count in COUNTS:
        _measure(table, build, packages, count)
