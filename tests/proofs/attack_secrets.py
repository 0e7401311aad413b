# SPDX-License-Identifier: MIT
"""The secret's file, closed and left open by mistake; and a reader that is one no more."""

import os
import socket
import sys

from http_server import HTTP_UID
from tb import BROKER_UID, CLIENT_SECRET, OTHER_READER_UID, READER_UID, STRANGER_UID, as_uid, wait_until


def _opens(path):
    """How many ways to the secret are open to this user."""
    done = 0
    for attempt in (lambda: os.close(os.open(path, os.O_RDONLY)), lambda: os.close(os.open(path, os.O_WRONLY)),
                    lambda: os.listdir(path.parent), lambda: os.unlink(path), lambda: os.link(path, "/dev/shm/stolen"),
                    lambda: os.rename(path.parent, path.parent.with_name("moved"))):
        try:
            attempt()
            done += 1
        except OSError:
            pass
    return done


def _mode(mode, uid=None, gid=None):
    def make(path):
        path.write_text(CLIENT_SECRET + "\n")
        path.chmod(mode)
        owner = BROKER_UID if uid is None else uid
        os.chown(path, owner, owner if gid is None else gid)
    return make


def _symlink(path):
    target = path.with_name("elsewhere")
    _mode(0o644)(target)
    path.symlink_to(target)


def _socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


# Where root has made a mistake: whoever is not the broker's user could read the secret, or give another.
MISTAKES = {
    "for all": _mode(0o644), "for others": _mode(0o604), "writable for others": _mode(0o602),
    "for a foreign group": _mode(0o640, gid=READER_UID), "writable for the own group": _mode(0o660),
    "of a stranger": _mode(0o600, uid=STRANGER_UID), "a symlink to one for all": _symlink, "a FIFO": os.mkfifo,
    "a directory": os.mkdir, "a socket": _socket,
}


def _left_open(world, server):
    """A token for each mistake; their files by its name."""
    tokens, paths = {}, {}
    for number, make in enumerate(MISTAKES.values()):
        name = f"open-{number}"
        paths[name] = world.secrets_dir / name
        make(paths[name])
        tokens[name] = world.token(server, name, client_secret_file=paths[name], retry_min=1, retry_max=1)
    world.write_config(tokens)
    return paths


def _is_told(broker, name, path):
    error = broker.wait_token(lambda token: token["last_error"], name)["last_error"]
    return error["reason"] == "secret_unreadable" and str(path) in error["message"]


def secret_files(case, world, rounds):
    """The file as it should be, tried by others; and each way to leave it open."""
    server = world.auth_server()
    path = world.write_secret()
    uids = (READER_UID, STRANGER_UID, HTTP_UID)
    opened = sum(as_uid(uid, _opens, path) for uid in uids for _ in range(rounds))
    under = case.under("P2")
    under.row("tries of others to read, change or take the file", 6 * len(uids) * rounds, opened == 0)
    under.none("  that did something", opened)
    paths = _left_open(world, server)
    broker = world.broker().wait_ready()
    refused = sum(_is_told(broker, name, path) for name, path in paths.items())
    under.each("files that root left open, or no files: refused, and the status names them", refused, len(MISTAKES))
    under.none("  requests with what stood in them", server.requests())
    for name, path in paths.items():
        (os.rmdir if path.is_dir() else os.unlink)(path)
        world.write_secret(name)
    for name in paths:
        broker.wait_token(lambda token: token["state"] == "valid", name)
    under.each("  put right: requests", server.requests(), len(MISTAKES))
    case.under("P5").none("  lines of the log with the secret", broker.err().count(CLIENT_SECRET))
    under.each("the broker ended well", int(broker.stop() == 0), 1)


# Keeps the segment mapped that it may read now, with a token in it; tells when that goes, and when one comes back.
KEEPER = """
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
kept = mmap.mmap(fd, 0, mmap.MAP_SHARED, mmap.PROT_READ)
if kept.find(sys.argv[2].encode()) < 0:
    sys.exit(1)
print("kept", flush=True)
while True:
    while kept.find(sys.argv[2].encode()) >= 0:
        pass
    print("wiped", flush=True)
    while kept.find(sys.argv[2].encode()) < 0:
        pass
    print("back", flush=True)
"""
CANARY = "CanaryToken4c1d"


def _may_open(path):
    try:
        os.close(os.open(path, os.O_RDONLY))
    except PermissionError:
        return False
    return True


def removed_reader(case, world, rounds):
    """It keeps its mapping; what is in it goes, and nothing comes after."""
    server = world.auth_server()
    server.settings(canary=CANARY)
    both = [str(READER_UID), str(OTHER_READER_UID)]
    broker = world.ready_broker(server, readers=both, retry_min=1)
    wiped = opened = came_back = 0
    for _ in range(rounds):
        keeper = world.process([sys.executable, "-c", KEEPER, world.segment_path(), CANARY], "keeper",
                               uid=OTHER_READER_UID)
        wait_until(lambda keeper=keeper: "kept" in keeper.out(), 10, "the mapping")
        _reload(world, broker, server, both[:1])
        wait_until(lambda keeper=keeper: "wiped" in keeper.out(), 5, "the token wiped")
        wiped += 1
        wait_until(lambda: world.cli("refresh", "default").status == 0, 20, "a refresh")
        opened += as_uid(OTHER_READER_UID, _may_open, world.segment_path())
        came_back += "back" in keeper.out()
        keeper.kill()
        _reload(world, broker, server, both)
    under = case.under("P8")
    under.each("readers removed: the token wiped from what they had mapped", wiped, rounds)
    under.none("  that saw a later token in it", came_back)
    under.none("  that could open the new segment", opened)
    under.each("the broker ended well", int(broker.stop() == 0), 1)


def _reload(world, broker, server, readers):
    before = world.segment_path()
    world.write_config({"default": world.token(server, readers=readers, retry_min=1)})
    broker.reload()
    wait_until(lambda: world.segment_path() != before, 10, "another segment")
