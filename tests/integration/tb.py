# SPDX-License-Identifier: MIT
"""What tests import: from tb import ..."""

from auth_server import CLIENT_ID, CLIENT_SECRET, AuthServer, Tls
from broker import (BROKER_UID, IS_ROOT, OTHER_READER_UID, READER_UID, STRANGER_UID, Broker, Cli,
                    Result, World)
from library import TOKEN_MAX, Handle, Info, Library, environment
from processes import Process, as_uid, wait_until
from tokens import fingerprint, is_whole

__all__ = [
    "BROKER_UID", "CLIENT_ID", "CLIENT_SECRET", "IS_ROOT", "OTHER_READER_UID", "READER_UID",
    "STRANGER_UID", "TOKEN_MAX", "AuthServer", "Broker", "Cli", "Handle", "Info", "Library", "Process",
    "Result", "Tls", "World", "as_uid", "environment", "fingerprint", "is_whole", "wait_until",
]
