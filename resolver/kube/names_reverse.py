"""Names below in-addr.arpa and ip6.arpa, and the addresses they stand for."""

from __future__ import annotations

from typing import Final

from resolver.wire.names import labels

_IPV4: Final = b"\7in-addr\4arpa\0"
_IPV6: Final = b"\3ip6\4arpa\0"
_NIBBLES: Final = {b"%x" % value: value for value in range(16)}


def read_reverse(name: bytes) -> bytes | None:
    """The packed address of a reverse name in lower case, None where it is not one of a whole address.

    RFC 1035 section 3.5, RFC 3596 section 2.5.
    """
    if name.endswith(_IPV4):
        parts = list(labels(name))[-3::-1]
        if len(parts) == 4 and all(_is_octet(part) for part in parts):
            return bytes([int(part) for part in parts])
    elif name.endswith(_IPV6):
        nibbles = [_NIBBLES.get(part, -1) for part in list(labels(name))[-3::-1]]
        if len(nibbles) == 32 and -1 not in nibbles:
            return bytes([high << 4 | low for high, low in zip(nibbles[::2], nibbles[1::2], strict=True)])
    return None


def _is_octet(part: bytes) -> bool:
    return part.isdigit() and len(part) < 4 and int(part) < 256 and (part == b"0" or part[:1] != b"0")
