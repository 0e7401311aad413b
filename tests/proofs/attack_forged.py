# SPDX-License-Identifier: MIT
"""Forged segments, with the right numbers in them: copies of a real one, as any reader can make them. Only root and
the broker's user can lead readers to one; here root does, so that it is the library that refuses."""

import os
import time

from attack_control import asks_library
from proof import Readers
from tb import BROKER_UID, READER_UID, STRANGER_UID, Library, as_uid, fingerprint, wait_until

FAILURE = 1
FOLLOW_S = 1.1  # handle.h: a running reader looks at the link once a second

# Whose the copy is and its mode. docs/segment-format.md, to open a segment, 3: all of them are not trustworthy.
FORGED = {
    "a reader's": (READER_UID, 0o644), "a stranger's": (STRANGER_UID, 0o644), "root's": (0, 0o644),
    "writable for the broker's group": (BROKER_UID, 0o664), "writable for all": (BROKER_UID, 0o646),
}


def _lead(world, target):
    """Readers to target, as the broker does it."""
    link = world.runtime_dir / "tokens/default"
    new = link.with_name(".default.new")
    os.symlink(target, new)
    os.chown(new, BROKER_UID, BROKER_UID, follow_symlinks=False)
    new.rename(link)


def _copy(world, data, uid, mode):
    path = world.directory / "forged"
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    os.chown(path, uid, uid)
    path.chmod(mode)
    return path


def _read(world):
    """A reader's: what the library says, exit status of the command line and fingerprint of what it prints."""
    result = world.cli("get", uid=READER_UID)
    return (as_uid(READER_UID, asks_library, world, Library(world.build)), result.status,
            fingerprint(result.out.strip()) if result.out else "")


def segments(case, world, rounds):
    """A token that has been replaced since stands in the copies, so that whoever believes one goes back to it."""
    server = world.auth_server()
    broker = world.ready_broker(server, retry_min=1)
    live, old = world.segment_path(), _read(world)[2]
    data = live.read_bytes()
    wait_until(lambda: world.cli("refresh", "default").status == 0, 20, "a refresh")
    current = _read(world)
    under = case.under("P10")
    under.each("the broker ended well", int(broker.stop() == 0), 1)  # it would put the link right
    readers = Readers(world)
    readers.wait_followed(live)
    for kind, (uid, mode) in FORGED.items():
        read = []
        for _ in range(rounds):
            _lead(world, _copy(world, data, uid, mode))
            read.append(_read(world))
        time.sleep(FOLLOW_S)
        under.each(f"forged, {kind}: EPERM, nothing printed, exit 1", read.count(("EPERM", FAILURE, "")),
                   rounds)
    readers.tell(case.under("P13"))  # they keep what they have mapped while the link leads to another's
    _lead(world, _copy(world, data, BROKER_UID, 0o644))
    under.each("  the broker's own copy would be read", int(_read(world) == ("ok", 0, old)), 1)
    _lead(world, live)
    under.each("  and the live one is read again", int(_read(world) == current and current[2] != old), 1)
