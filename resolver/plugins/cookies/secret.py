"""Secrets of server cookies: drawn, or read from a file that all servers of an address share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from resolver.chain.changed import Stamp, read_changed

_MOST: Final = 8
_LIMIT: Final = 4096  # octets of a file
_SECRET: Final = re.compile(rb"[0-9a-fA-F]{32}")


def read_secrets(path: Path, stamp: Stamp | None = None) -> tuple[tuple[bytes, ...], Stamp] | None:
    """The secrets of a file, the one for new cookies first; None where it is as it was.

    Raises OSError, and ValueError for what is no secret.
    """
    content = read_changed(path, stamp, _LIMIT)
    if content is None:
        return None
    lines = [line.strip() for line in content.lines]
    words = [line for line in lines if line and not line.startswith(b"#")]
    if not words:
        raise ValueError("there is no secret in the file")
    if content.cut or len(words) > _MOST:
        raise ValueError(f"there are more than {_MOST} secrets")
    for number, word in enumerate(words, 1):
        if not _SECRET.fullmatch(word):
            raise ValueError(f"secret {number} is not 32 hexadecimal digits")
    return tuple(bytes.fromhex(word.decode()) for word in words), content.stamp
