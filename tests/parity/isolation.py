"""A network namespace of its own for a run, so that servers that listen on all addresses stay off the network."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys

MARK = "PARITY_ISOLATED"
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
INTERFACE_REQUEST = struct.Struct("16sh22x")


def isolate() -> bool:
    """Start this program again in a new namespace; the answer is whether it runs in one.

    Does not return where the namespace is still to be made: the process becomes ``unshare``.
    """
    if os.environ.get(MARK):
        _raise_loopback()
        return True
    if _is_allowed():
        os.environ[MARK] = "1"
        os.execvp("unshare", ["unshare", "-rn", sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - a fixed program
    return False


def _is_allowed() -> bool:
    if sys.platform != "linux" or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "-rn", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        answer = fcntl.ioctl(control, SIOCGIFFLAGS, INTERFACE_REQUEST.pack(b"lo", 0))
        flags = INTERFACE_REQUEST.unpack(answer)[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, INTERFACE_REQUEST.pack(b"lo", flags | IFF_UP))
