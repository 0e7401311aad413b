# SPDX-License-Identifier: MIT
"""libtokenbroker.so by ctypes. Tests that use it are marked needs_plain_build."""

import ctypes
import os
from contextlib import contextmanager

TOKEN_MAX = 61440


class Info(ctypes.Structure):
    _fields_ = [("generation", ctypes.c_uint64), ("expires_at", ctypes.c_int64),
                ("remaining_ms", ctypes.c_int64), ("length", ctypes.c_size_t),
                ("reserved", ctypes.c_uint64 * 4)]


class Library:
    def __init__(self, build):
        self._library = ctypes.CDLL(str(build / "libtokenbroker.so"))
        pointer = ctypes.c_void_p
        self._declare("open", ctypes.c_int, ctypes.POINTER(pointer), ctypes.c_char_p)
        self._declare("close", None, pointer)
        self._declare("get", ctypes.c_int, pointer, ctypes.c_int64, ctypes.c_char_p, ctypes.c_size_t,
                      ctypes.POINTER(Info))
        self._declare("generation", ctypes.c_uint64, pointer)
        self._declare("wait", ctypes.c_int, pointer, ctypes.c_uint64, ctypes.c_int)
        self._declare("reject", ctypes.c_int, pointer, ctypes.c_uint64)
        self._declare("strerror", ctypes.c_char_p, ctypes.c_int)

    def _declare(self, name, result, *arguments):
        function = getattr(self._library, "tokenbroker_" + name)
        function.restype = result
        function.argtypes = arguments
        setattr(self, "_" + name, function)

    def strerror(self, error):
        return self._strerror(error).decode()

    def try_open(self, name="default"):
        """(0, handle), or (negative errno, None). The environment decides where it looks."""
        pointer = ctypes.c_void_p()
        r = self._open(ctypes.byref(pointer), None if name is None else name.encode())
        return (r, Handle(self, pointer)) if r == 0 else (r, None)

    @contextmanager
    def open(self, runtime_dir, name="default"):
        """A handle on the token of the broker that serves runtime_dir; fails if there is none."""
        with environment(TOKENBROKER_RUNTIME_DIR=str(runtime_dir)):
            r, handle = self.try_open(name)
        assert r == 0, f"tokenbroker_open: {self.strerror(r)}"
        try:
            yield handle
        finally:
            handle.close()


class Handle:
    def __init__(self, library, pointer):
        self._library = library
        self._pointer = pointer

    def get(self, min_remaining_ms=0, size=TOKEN_MAX + 1):
        """(result, token bytes or None, Info). Never assert on the token itself: see tokens.py."""
        info = Info()
        buffer = ctypes.create_string_buffer(size)
        r = self._library._get(self._pointer, min_remaining_ms, buffer, size, ctypes.byref(info))
        return r, (buffer.value if r == 0 else None), info

    def generation(self):
        return self._library._generation(self._pointer)

    def wait(self, after_generation, timeout_ms):
        return self._library._wait(self._pointer, after_generation, timeout_ms)

    def reject(self, generation):
        return self._library._reject(self._pointer, generation)

    def close(self):
        self._library._close(self._pointer)
        self._pointer = None


@contextmanager
def environment(**variables):
    """Environment variables for a while, where C code sees them, too; None: unset."""
    before = {name: os.environ.get(name) for name in variables}
    _set(variables)
    try:
        yield
    finally:
        _set(before)


def _set(variables):
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
