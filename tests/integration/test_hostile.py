# SPDX-License-Identifier: MIT
"""Segments and messages that nobody should find: refused, survived, put right."""

import fcntl
import json
import os
import random
import signal
import socket
import struct
import sys
import time
from pathlib import Path

import pytest

import control
import segment
from tb import OTHER_READER_UID, READER_UID, STRANGER_UID, as_uid, fingerprint, wait_until
from tokens import fnv1a

HEADER_SUM = 0xF8
GENERATION = 0x08
LENGTH_STATE = 0x28
TOKEN = 0x80

FAILURE, NO_TOKEN, NOT_YET, SUSPENDED = 1, 3, 4, 6


# Segments

def patch(path, offset, form, *values, fix_sum=False):
    """Overwrites words of a segment, with the sum of its header made right again or not."""
    data = bytearray(path.read_bytes())
    struct.pack_into("=" + form, data, offset, *values)
    if fix_sum:
        struct.pack_into("=Q", data, HEADER_SUM, fnv1a(bytes(data[:HEADER_SUM])))
    with open(path, "r+b") as file:
        file.write(data)


def patch_slot(path, offset, form, *values):
    """The slot that readers read."""
    data = path.read_bytes()
    fields = segment.HEADER.unpack_from(data)
    slot_offset, stride, count = fields[9:12]
    head, = struct.unpack_from("=Q", data, segment.HEAD_OFFSET)
    patch(path, slot_offset + head % count * stride + offset, form, *values)


def header(offset, form, *values):
    return lambda world, path: patch(path, offset, form, *values, fix_sum=True)


def slot(offset, form, *values):
    return lambda world, path: patch_slot(path, offset, form, *values)


def head(value):
    return lambda world, path: patch(path, segment.HEAD_OFFSET, "Q", value)


def instead(make):
    """Something else under the name that the link leads to."""
    def change(world, path):
        path.unlink()
        make(path)
        os.chown(path, world.broker_uid, world.broker_uid, follow_symlinks=False)
    return change


def hold(world, path):
    """Brokers of other tests, which are of the same user, take a file without a header for one in the making."""
    if path.is_file() and not path.is_symlink():
        world.held = path.open("rb")
        fcntl.flock(world.held, fcntl.LOCK_EX)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def link_to(target):
    """Another target of the link."""
    def change(world, path):
        link = world.runtime_dir / "tokens/default"
        link.unlink()
        link.symlink_to(target)
        os.chown(link, world.broker_uid, world.broker_uid, follow_symlinks=False)
        path.unlink()
    return change


def no_link(world, path):
    link = world.runtime_dir / "tokens/default"
    link.unlink()
    link.write_bytes(path.read_bytes())
    os.chown(link, world.broker_uid, world.broker_uid)
    path.unlink()


def link_behind_a_link(world, path):
    target = path.with_name(path.name[:-4] + "abcd")
    path.rename(target)
    path.symlink_to(target)
    os.chown(path, world.broker_uid, world.broker_uid, follow_symlinks=False)


# P12 of docs/threat-model.md: what is done to a segment, and how `get` ends.
HOSTILE = {
    "of another owner": (lambda world, path: os.chown(path, STRANGER_UID, STRANGER_UID), FAILURE),
    "of root": (lambda world, path: os.chown(path, 0, 0), FAILURE),
    "writable for all": (lambda world, path: os.chmod(path, 0o666), FAILURE),
    "writable for a group": (lambda world, path: os.chmod(path, 0o660), FAILURE),
    "a FIFO": (instead(os.mkfifo), FAILURE),
    "a socket": (instead(make_socket), FAILURE),
    "a directory": (instead(os.mkdir), FAILURE),
    "a symlink to a good one": (link_behind_a_link, FAILURE),
    "a link to a foreign file": (link_to("/etc/passwd"), FAILURE),
    "a link to a device": (link_to("/dev/zero"), FAILURE),
    "a link with a long target": (link_to("/dev/shm/" + "x" * 300), FAILURE),
    "a link to nothing": (link_to("/dev/shm/tokenbroker.default.0123456789abcdef"), NO_TOKEN),
    "a file instead of the link": (no_link, FAILURE),
    "empty": (lambda world, path: os.truncate(path, 0), FAILURE),
    "shorter than a header": (lambda world, path: os.truncate(path, 100), FAILURE),
    "shorter than it says": (lambda world, path: os.truncate(path, 0x400), FAILURE),
    "longer than it says": (lambda world, path: os.truncate(path, 0x10000), FAILURE),
    "longer than any": (lambda world, path: os.truncate(path, 1 << 30), FAILURE),
    "all zeroes": (lambda world, path: path.write_bytes(bytes(path.stat().st_size)), FAILURE),
    "with another magic": (header(0, "Q", 1), FAILURE),
    "of another major version": (header(8, "H", 2), FAILURE),
    "with a header of no size": (header(0x0C, "I", 0), FAILURE),
    "of the other byte order": (header(0x10, "I", 0x04030201), FAILURE),
    "with an unknown incompat flag": (header(0x14, "I", 1 << 31), FAILURE),
    "that says it is larger": (header(0x20, "Q", 1 << 40), FAILURE),
    "with slots outside": (header(0x28, "I", 0xFFFFFFF8), FAILURE),
    "with slots of no size": (header(0x2C, "I", 0), FAILURE),
    "without slots": (header(0x30, "I", 0), FAILURE),
    "with three slots": (header(0x30, "I", 3), FAILURE),
    "with tokens outside": (header(0x34, "I", 0xFFFFFFF8), FAILURE),
    "with an endless capacity": (header(0x38, "I", 0xFFFFFFFF), FAILURE),
    "with another's name": (header(0x78, "16s", b"another"), FAILURE),
    "with a wrong sum": (lambda world, path: patch(path, HEADER_SUM, "Q", 1), FAILURE),
    "with a token that is too long": (slot(LENGTH_STATE, "II", 0xFFFFFFFF, 1), FAILURE),
    "with a valid token of no length": (slot(LENGTH_STATE, "II", 0, 1), FAILURE),
    "with an unknown state": (slot(LENGTH_STATE, "II", 64, 77), FAILURE),
    "with a slot of another publish": (slot(0, "Q", 12345), FAILURE),
    "with a slot being filled": (slot(0, "Q", 0), FAILURE),
    "with a head from nowhere": (head(segment.RETIRED // 2 + 1), FAILURE),
    "without a publish": (head(0), NOT_YET),
    "that is retired": (head(segment.RETIRED | 1), NO_TOKEN),
    "with an altered token": (slot(TOKEN, "8s", b"tampered"), 0),
    "of another boot": (header(0x50, "16s", b"another boot"), 0),
}


@pytest.mark.needs_root
@pytest.mark.parametrize("which", HOSTILE)
def test_a_segment_is_refused_by_readers_and_put_right_by_the_broker(world, server, cli, which):
    change, status = HOSTILE[which]
    world.ready_broker(server).stop()
    path = world.segment_path()
    try:
        change(world, path)
        hold(world, path)
        started = time.monotonic()
        for uid in (READER_UID, None):
            result = cli("get", uid=uid, timeout=10)
            assert result.status == status, result
            assert (result.out != "") == (status == 0) and (result.err == "") == (status == 0)
        assert time.monotonic() - started < 5, "nothing hangs a reader"

        broker = world.broker().wait_ready()
        token = broker.wait_token(lambda token: token["state"] == "valid")
        result = cli("get", uid=READER_UID)
        assert result.status == 0 and fingerprint(result.out.strip()) == token["fingerprint"]
        assert token["fingerprint"] in server.active()
        assert server.requests() == 2, "nothing of it was believed"
        assert broker.stop() == 0
    finally:
        remove(path)
        remove(path.with_name(path.name[:-4] + "abcd"))


def remove(path):
    """What a broker leaves alone, because it is not its own."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def test_a_damaged_segment_under_a_running_broker_heals_with_the_next_token(world, server, cli):
    broker = world.ready_broker(server)
    patch_slot(world.segment_path(), LENGTH_STATE, "II", 0xFFFFFFFF, 1)
    assert cli("get", uid=world.reader_uid).status == FAILURE
    wait_until(lambda: cli("refresh", "default").status == 0, 10, "a refresh")
    assert cli("get", uid=world.reader_uid).status == 0
    assert broker.is_running()


def another_whole(token):
    text = token.rpartition(b".")[0][::-1]
    return text + b".%016x" % fnv1a(text)


def processor_time(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return int(stat.read().rpartition(")")[2].split()[11])


def wait_for_reads(process):
    """It reads all the time, so some have passed when it was given the processor."""
    before = processor_time(process.pid)
    wait_until(lambda: processor_time(process.pid) > before + 1, 30, "some reads")


@pytest.mark.parametrize("exchanged, is_torn", [("token", True), ("generation", False)])
def test_a_verifying_reader_takes_no_other_token_under_one_generation(world, server, exchanged, is_torn):
    world.ready_broker(server).stop()
    path = world.segment_path()
    found = world.segment().current()
    other = another_whole(found.token)
    assert other != found.token
    reader = world.process([world.build / "tests/support/verify_reader", 60], "verifier", uid=world.reader_uid)
    wait_until(lambda: str(path) in Path(f"/proc/{reader.pid}/maps").read_text(), 20, "the reader")
    wait_for_reads(reader)
    reader.signal(signal.SIGSTOP)
    if exchanged == "token":
        patch_slot(path, TOKEN, f"{len(other)}s", other)
    else:
        patch_slot(path, GENERATION, "Q", found.generation + 1)
    reader.signal(signal.SIGCONT)
    wait_for_reads(reader)
    status = reader.terminate(30)
    seen = json.loads(reader.out())
    assert (seen["torn"] > 0, status) == (is_torn, int(is_torn)) and seen["generation_went_back"] == 0


@pytest.mark.needs_root
def test_a_runtime_directory_that_others_can_write_is_believed_by_nobody(world, server, cli):
    world.ready_broker(server).stop()
    world.runtime_dir.chmod(0o777)
    assert cli("get", uid=READER_UID).status == FAILURE
    broker = world.broker()
    assert broker.wait(20) == 1 and "0755" in broker.err()
    world.runtime_dir.chmod(0o755)
    assert cli("get", uid=READER_UID).status == 0


# Messages

MALFORMED = {
    "empty": b"",
    "of one byte": b"x",
    "short": control.pack(control.REFRESH)[:-1],
    "long": control.pack(control.REFRESH) + b"\0",
    "very long": control.pack(control.REFRESH) * 200,
    "with another magic": control.pack(control.REFRESH, magic=1),
    "of another version": control.pack(control.REFRESH, version=2),
    "without a command": control.pack(0),
    "with an unknown command": control.pack(99),
    "without a name": control.pack(control.REFRESH, ""),
    "with a path for a name": control.pack(control.REFRESH, "../default"),
    "with a name without end": control.pack(control.REFRESH, b"a" * 64),
    "with something behind the name": control.pack(control.REFRESH, b"default\0x"),
    "with a generation that is not asked for": control.pack(control.REFRESH, generation=1),
    "that rejects nothing": control.pack(control.REJECT),
    "of an unknown origin": control.pack(control.REFRESH, origin=9),
    "of itself as another": control.pack(control.REFRESH, uid=4711),
    "with too many groups": control.pack(control.REFRESH, origin=control.USER, group_count=97),
    "with endless groups": control.pack(control.REFRESH, origin=control.USER,
                                        group_count=0xFFFFFFFF),
    "with uncounted groups": control.pack(control.REFRESH, origin=control.USER, groups=[7],
                                          group_count=0),
    "with reserved bytes": control.pack(control.REFRESH, reserved=b"\1"),
}


def test_malformed_messages_do_nothing(world, server):
    broker = world.ready_broker(server)
    for which, message in MALFORMED.items():
        answer = control.exchange(world.runtime_dir, message)
        assert answer is None or answer.result == "invalid", which
    assert server.requests() == 1
    assert broker.is_running()
    wait_until(lambda: world.control(control.REFRESH).result == "accepted", 10, "a proper one")
    server.wait_requests(2)


def test_random_messages_do_nothing(world, server):
    broker = world.ready_broker(server)
    chance = random.Random(20261123)
    good = control.pack(control.SUSPEND)
    for _ in range(500):
        message = bytearray(good)
        for _ in range(chance.randrange(1, 8)):
            message[chance.randrange(12)] ^= chance.randrange(1, 256)  # magic, version, generation
        message += chance.randbytes(chance.randrange(3))
        message[4] |= 0x80  # never a version that is known
        answer = control.exchange(world.runtime_dir, bytes(message))
        assert answer is None or answer.result == "invalid"
    assert broker.is_running() and world.control(control.RESUME).result == "accepted"
    assert world.token_status()["state"] == "valid"


@pytest.mark.needs_root
def test_who_has_no_business_here_is_denied(world, server):
    broker = world.ready_broker(server)
    generation = world.token_status()["generation"]
    for number in (control.REFRESH, control.REVOKE, control.SUSPEND, control.RESUME):
        assert world.control(number, uid=READER_UID).result == "denied"
        assert world.control(number, uid=STRANGER_UID).result == "denied"
        for origin in ({"origin": control.ACCESS_TOKEN}, {"origin": control.USER, "gid": 0}):
            pretence = control.pack(number, **origin)
            answer = as_uid(READER_UID, control.exchange, world.runtime_dir, pretence)
            assert answer.result == "denied"
    assert world.control(control.REJECT, uid=STRANGER_UID, generation=generation).result == "denied"
    assert server.requests() == 1 and server.requests("revoke") == 0
    assert broker.token_status()["state"] == "valid"


def test_a_silent_connection_is_cut_after_a_second(world, server):
    world.ready_broker(server)
    with control.connect(world.runtime_dir) as connection:
        started = time.monotonic()
        answer = control.receive(connection)
        assert answer is None and 0.5 < time.monotonic() - started < 4


@pytest.mark.needs_root
def test_one_user_gets_sixteen_places_and_administrators_theirs(world, server):
    world.ready_broker(server)
    generation = world.token_status()["generation"]

    def crowd():
        held = [control.connect(world.runtime_dir) for _ in range(16)]
        answer = control.command(world.runtime_dir, control.REJECT, generation=generation)
        for connection in held:
            connection.close()
        return answer

    answer = as_uid(READER_UID, crowd)
    assert answer.result == "busy" and answer.retry_after_ms > 0
    assert server.requests() == 1


FLOOD = """
import socket, sys, time
held, tries = [], 0
end = time.monotonic() + 30
print("flooding", flush=True)
while time.monotonic() < end:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.setblocking(False)
    try:
        connection.connect(sys.argv[1])
        if tries % 3 == 0:
            connection.send(b"rubbish")
    except OSError:
        pass
    held = held[-200:] + [connection]
    tries += 1
    if tries % 50 == 0:
        time.sleep(0.01)
"""


@pytest.mark.needs_root
def test_a_flood_by_several_users_holds_up_neither_commands_nor_readers(world, server, cli):
    broker = world.ready_broker(server, readers=[str(READER_UID), str(OTHER_READER_UID)])
    uids = (READER_UID, OTHER_READER_UID, STRANGER_UID)
    floods = [world.process([sys.executable, "-c", FLOOD, world.runtime_dir / "control.sock"],
                            f"flood-{uid}", uid=uid) for uid in uids]
    for flood in floods:
        wait_until(lambda flood=flood: "flooding" in flood.out(), 10, "the flood")
    for _ in range(5):
        before = world.segment().current().generation
        # Even an administrator may have to knock twice: the queue of the socket is everybody's.
        wait_until(lambda: cli("refresh", "default").status == 0, 20, "a refresh")
        assert world.segment().current().generation > before
        assert cli("get", uid=READER_UID).status == 0
    assert all(flood.is_running() for flood in floods)
    for flood in floods:
        flood.kill()
    assert broker.status()["loop"]["longest_ms"] < 2000
    assert cli("suspend", "default").status == 0
    assert cli("get", uid=READER_UID).status == SUSPENDED
    assert broker.stop() == 0
