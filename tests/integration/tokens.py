# SPDX-License-Identifier: MIT
"""Tokens without showing them: a failed comparison would print both sides."""

import hashlib

FNV_START = 0xCBF29CE484222325
FNV_PRIME = 0x100000001B3


def fnv1a(data, value=FNV_START):
    for byte in data:
        value = (value ^ byte) * FNV_PRIME & 0xFFFFFFFFFFFFFFFF
    return value


def _bytes(token):
    return token.encode() if isinstance(token, str) else token


def fingerprint(token):
    """How the product names a token: compare these instead of tokens."""
    return hashlib.sha256(_bytes(token)).hexdigest()[:12]


def is_whole(token):
    """Whether the check behind the dot fits: the test server makes such tokens."""
    text, _, check = _bytes(token).rpartition(b".")
    return check == b"%016x" % fnv1a(text)
