# SPDX-License-Identifier: MIT
"""Which process opens which file, as fanotify(7) tells it: what an lstat before and after cannot show."""

import ctypes
import os
import struct
from collections import Counter

CLASS_NOTIF, CLOEXEC, NONBLOCK, REPORT_FID = 0, 1, 2, 0x200
UNLIMITED_QUEUE, UNLIMITED_MARKS = 0x10, 0x20
MARK_ADD, DONT_FOLLOW = 1, 4
OPEN, OVERFLOW, ON_DIRECTORY = 0x20, 0x4000, 0x40000000
AT_FDCWD = -100
EVENT = struct.Struct("=IBBHQii")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.fanotify_mark.argtypes = (ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p)


def _check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


class Opens:
    """From now on; paths themselves, not what symlinks lead to. OSError where the kernel lets nobody look."""

    def __init__(self, paths):
        flags = CLASS_NOTIF | CLOEXEC | NONBLOCK | REPORT_FID | UNLIMITED_QUEUE | UNLIMITED_MARKS
        self._fd = _check(_libc.fanotify_init(flags, os.O_RDONLY))
        for path in paths:
            _check(_libc.fanotify_mark(self._fd, MARK_ADD | DONT_FOLLOW, OPEN | ON_DIRECTORY, AT_FDCWD, os.fsencode(path)))

    def by_pid(self):
        """How often each process opened one of them since the last call."""
        counts = Counter()
        while data := self._read():
            offset = 0
            while offset < len(data):
                length, _, _, _, mask, _, pid = EVENT.unpack_from(data, offset)
                assert not mask & OVERFLOW
                counts[pid] += 1
                offset += length
        return counts

    def _read(self):
        try:
            return os.read(self._fd, 1 << 16)
        except BlockingIOError:
            return b""

    def close(self):
        os.close(self._fd)
