"""Addresses as one label: 192.0.2.1 is ``192-0-2-1``, 2001:db8::1 is ``2001-db8--1``."""

from __future__ import annotations

from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop

from resolver.kube.reading import read_address


@lru_cache(maxsize=4096)
def dashed(address: bytes) -> bytes:
    """The label of an address; one that would end in a dash gets a zero there, as a label must not."""
    if len(address) == 4:
        return inet_ntop(AF_INET, address).replace(".", "-").encode()
    label = inet_ntop(AF_INET6, address).replace(":", "-").encode()
    return label + b"0" if label.endswith(b"-") else label


def undashed(label: bytes) -> bytes | None:
    """The address that a label stands for, in any way in which it may be written; None for other labels."""
    if not label.isascii() or b"." in label or b":" in label:
        return None
    text = label.decode()
    is_v4 = text.count("-") == 3 and "--" not in text
    return read_address(text.replace("-", "." if is_v4 else ":"))
