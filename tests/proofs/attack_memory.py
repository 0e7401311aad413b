# SPDX-License-Identifier: MIT
"""Other processes that try to look into the broker and into tokenbroker-httpd: by their own users, by
others; and what becomes of a core file. Each try is also made on a process that allows it, so that it is
known to work."""

import ctypes
import os
import resource
import signal
import time
from contextlib import suppress
from pathlib import Path

import http_server
from http_server import HTTP_UID
from tb import BROKER_UID, READER_UID, STRANGER_UID, as_uid, wait_until

PTRACE_ATTACH, PTRACE_DETACH, PTRACE_SEIZE = 16, 17, 0x4206
PIDFD_OPEN, PIDFD_GETFD, KCMP = 434, 438, 312
FILES = ("mem", "environ", "maps", "smaps", "auxv", "stack", "syscall", "io", "pagemap", "clear_refs")
LINKS = ("exe", "cwd", "root", "fd/0")
LIFETIME_S = 2  # refreshed after half of it
DELAY_MS, DELAY_MAX_MS = 500, 40000  # of an answer

_libc = ctypes.CDLL(None, use_errno=True)


class _Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def _ptrace(request, pid):
    if _libc.ptrace(request, pid, None, None) != 0:
        return False
    if request == PTRACE_ATTACH:
        os.waitpid(pid, 0)
    _libc.ptrace(PTRACE_DETACH, pid, None, None)
    return True


def _vm(call, pid, address):
    buffer = ctypes.create_string_buffer(16)
    local = _Iovec(ctypes.cast(buffer, ctypes.c_void_p).value, 16)
    remote = _Iovec(address, 16)
    return call(pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0) > 0


def _stolen_descriptor(pid):
    pidfd = _libc.syscall(PIDFD_OPEN, pid, 0)
    got = [_libc.syscall(PIDFD_GETFD, pidfd, number, 0) for number in range(32)]
    return any(number >= 0 for number in got)


def _opens(path):
    try:
        with open(path, "rb", buffering=0) as file:
            file.seek(0)
            return path.endswith("mem") or file.read(1) != b""  # at offset 0 nothing is mapped
    except OSError:
        return False


def _follows(path):
    with suppress(OSError):
        return bool(os.readlink(path))
    return False


def _lists(path):
    with suppress(OSError):
        return bool(os.listdir(path))
    return False


def looks(pid, address, skip=()):
    """Names of the tries that got something; address: of memory of the process that can be read."""
    tries = {
        **{f"/proc {name}": lambda name=name: _opens(f"/proc/{pid}/{name}") for name in FILES},
        **{f"/proc {name}": lambda name=name: _follows(f"/proc/{pid}/{name}") for name in LINKS},
        "/proc fd": lambda: _lists(f"/proc/{pid}/fd"),
        "/proc map_files": lambda: _lists(f"/proc/{pid}/map_files"),
        "PTRACE_ATTACH": lambda: _ptrace(PTRACE_ATTACH, pid),
        "PTRACE_SEIZE": lambda: _ptrace(PTRACE_SEIZE, pid),
        "process_vm_readv": lambda: _vm(_libc.process_vm_readv, pid, address),
        "process_vm_writev": lambda: _vm(_libc.process_vm_writev, pid, address),
        "pidfd_getfd": lambda: _stolen_descriptor(pid),
        "kcmp": lambda: _libc.syscall(KCMP, os.getpid(), pid, 1, 0, 0) >= 0,
    }
    return {name for name, look in tries.items() if name not in skip and look()}


def _stack_of(pid):
    """Memory that can be read and written, as root knows it."""
    lines = Path(f"/proc/{pid}/maps").read_text(encoding="ascii").splitlines()
    line = next(line for line in lines if "[stack]" in line)
    return int(line.split("-")[1].split()[0], 16) - 64


def _tools(world, uid):
    """What works on a process that does not forbid it, tried by its own user."""
    sleeper = world.process(["sleep", "3600"], "sleeper", uid=uid)
    wait_until(lambda: "sleep" in Path(f"/proc/{sleeper.pid}/cmdline").read_text(encoding="ascii"), 5, "sleep")
    return as_uid(uid, looks, sleeper.pid, _stack_of(sleeper.pid))


def _looks_while_refreshed(server, lookers):
    """What each of lookers gets while a request with the secret in it is under way, and whether it still was at
    the end."""
    requests = server.requests()
    server.wait_requests(requests + 1, timeout=60)
    got = [look() for look in lookers]
    told = server.counts()["endpoints"]["token"]
    return got, told["requests"] == requests + 1 and told["in_progress"] == 1


def processes(case, world, rounds):
    """All looks, at both daemons, by four users, each time while a token is refreshed: the server takes its time."""
    server = world.auth_server()
    server.settings(expires_in=LIFETIME_S)
    server.order(delay_ms=DELAY_MS, count=-1)
    broker, http = http_server.serve(world, server, admins=[str(BROKER_UID)], retry_min=1, request_timeout=60)
    tools = {uid: _tools(world, uid) for uid in (BROKER_UID, HTTP_UID)}
    under = case.under("P4")
    # The kernel may forbid a few even there (stack, map_files, kcmp): those are not counted.
    for who, uid in (("the broker's user", BROKER_UID), ("httpd's user", HTTP_UID)):
        under.row(f"looks that work on a process that allows them, by {who}", len(tools[uid]), len(tools[uid]) >= 14)
    names, lookers = [], []
    for name, process, own, other in (("broker", broker, BROKER_UID, HTTP_UID), ("httpd", http, HTTP_UID, BROKER_UID)):
        address = _stack_of(process.pid)
        for who, uid in (("its own user", own), ("the other daemon's user", other), ("a reader", READER_UID),
                         ("a stranger", STRANGER_UID)):
            names.append(f"{name}, by {who}: of {len(tools[own])} looks a round")
            lookers.append(lambda uid=uid, pid=process.pid, address=address, own=own:
                           as_uid(uid, looks, pid, address) & tools[own])
    got, during, delay_ms = [], 0, DELAY_MS
    while during < rounds and delay_ms < DELAY_MAX_MS:
        got_now, is_during = _looks_while_refreshed(server, lookers)
        got.append(got_now)
        during += is_during
        if not is_during:  # a busy machine looks slowly
            delay_ms *= 2
            server.clear_orders()
            server.order(delay_ms=delay_ms, count=-1)
    under.each("rounds of looks while a request with the secret was under way", during, rounds)
    for name, sets in zip(names, zip(*got)):
        text = "".join(f" {what}" for what in sorted(set().union(*sets)))
        under.none(f"  {name} got something{text}", sum(map(len, sets)))
    case.under("P18").each("httpd's user opened nothing of the broker", int(as_uid(HTTP_UID, _secrets_of, world) == 0),
                           1)
    under.each("both ended well", int(broker.stop() == 0) + int(http.terminate() == 0), 2)


def _secrets_of(world):
    """How much of the secret, the tokens and the broker's state this user can open."""
    paths = [world.secrets_dir / "default", world.segment_path(), world.runtime_dir / "lock",
             world.secrets_dir, world.state_dir]
    return sum(os.access(path, os.R_OK) or os.access(path, os.W_OK) for path in paths)


# Core files

FATAL = (signal.SIGABRT, signal.SIGQUIT, signal.SIGSEGV, signal.SIGBUS, signal.SIGSYS)


def _crash(process, directory, number):
    """Whether the kernel says that it dumped, and how many files there are in its directory."""
    os.kill(process.pid, number)
    ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    process.wait()
    files = [path for path in directory.iterdir() if path.name.startswith("core")]
    for path in files:
        path.unlink()
    return ended.si_code == os.CLD_DUMPED, len(files)


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction))]


def _keep_limits():
    """In a child before exec: core files of any size, and prlimit64(2) of RLIMIT_CORE does nothing,
    successfully: what the process sets for itself does not hold."""
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    number = {"x86_64": 302, "aarch64": 261}[os.uname().machine]
    load, equal, give = 0x20, 0x15, 0x06
    code = [(load, 0, 0, 0), (equal, 0, 3, number), (load, 0, 0, 24), (equal, 0, 1, resource.RLIMIT_CORE),
            (give, 0, 0, 0x00050000), (give, 0, 0, 0x7FFF0000)]  # an error that is 0; allowed
    filters = (_Instruction * len(code))(*(_Instruction(*fields) for fields in code))
    _libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    if _libc.prctl(22, 2, ctypes.byref(_Program(len(code), filters)), 0, 0) != 0:  # PR_SET_SECCOMP, a filter
        os._exit(99)


def _crash_all(world, start, rounds, uid):
    """start() is started and killed by each fatal signal; of how many there was a core."""
    directory = world.directory / f"cores.{uid}.{time.monotonic_ns()}"
    world.make_directory(directory.name, 0o777, uid)
    cores = 0
    for _ in range(rounds):
        for number in FATAL:
            process = start(directory)
            has_dumped, files = _crash(process, directory, number)
            cores += has_dumped or files > 0
    return cores


def _sleeper(world, uid):
    def start(directory):
        process = world.process(["sleep", "3600"], "sleeper", uid=uid, cwd=directory, preexec_fn=_keep_limits)
        wait_until(lambda: "sleep" in Path(f"/proc/{process.pid}/cmdline").read_text(encoding="ascii"), 5, "sleep")
        return process
    return start


def core_files(case, world, rounds):
    """Both daemons are killed by signals that dump, whatever they do about their limits."""
    world.may_leave_segments = True
    world.write_config({"default": world.token(world.auth_server())}, http=http_server.section(world))

    def start_broker(directory):
        argv = [world.build / "tokenbrokerd", "--config", world.config_path, "--runtime-dir", world.runtime_dir,
                "--state-dir", world.state_dir]
        process = world.process(argv, "tokenbrokerd", uid=BROKER_UID, cwd=directory,
                                preexec_fn=_keep_limits)
        return _once(process, lambda: "usable" in process.err())

    def start_httpd(directory):
        argv = [world.build / "tokenbroker-httpd", "--config", world.config_path, "--runtime-dir", world.runtime_dir]
        process = world.process(argv, "tokenbroker-httpd", uid=HTTP_UID, cwd=directory,
                                preexec_fn=_keep_limits)
        return _once(process, lambda: "listening on http" in process.err())

    under = case.under("P4")
    tries = rounds * len(FATAL)
    dumped = _crash_all(world, _sleeper(world, BROKER_UID), rounds, BROKER_UID)
    # Where the kernel pipes cores away or has no room for them, not even this leaves one.
    under.row("core files of a process that allows them", dumped, dumped > 0)
    for name, start, uid in (("broker", start_broker, BROKER_UID), ("httpd", start_httpd, HTTP_UID)):
        under.row(f"{name}: killed by signals that dump, without a limit", tries)
        under.none("  core files", _crash_all(world, start, rounds, uid))


def _once(process, condition):
    wait_until(condition, 10, f"{process.name} to be ready")
    return process
