"""Names below in-addr.arpa and ip6.arpa, and the addresses they stand for."""

from __future__ import annotations

from typing import Final

from resolver.wire.names import labels

_IPV4: Final = b"\7in-addr\4arpa\0"
_IPV6: Final = b"\3ip6\4arpa\0"
REVERSE_ZONES: Final = (_IPV4, _IPV6)
_HEX: Final = frozenset(b"0123456789abcdef")
_OCTETS, _NIBBLES = 4, 32


def read_reverse(name: bytes) -> bytes | None:
    """The packed address of a reverse name in lower case, None where it is not one of a whole address.

    RFC 1035 section 3.5, RFC 3596 section 2.5.
    """
    parts = address_labels(name)
    if parts is None:
        return None
    if name.endswith(_IPV4):
        return bytes(map(int, parts)) if len(parts) == _OCTETS else None
    return bytes.fromhex(b"".join(parts).decode()) if len(parts) == _NIBBLES else None


def address_labels(name: bytes) -> list[bytes] | None:
    """The octets or nibbles in a reverse name, the first of the address first: fewer than all for a network.

    None for other names, and where a label is neither.
    """
    is_v4 = name.endswith(_IPV4)
    if not (is_v4 or name.endswith(_IPV6)):
        return None
    parts = list(labels(name))[-3::-1]
    if is_v4:
        right = len(parts) <= _OCTETS and all(_is_octet(part) for part in parts)
    else:
        right = len(parts) <= _NIBBLES and all(len(part) == 1 and part[0] in _HEX for part in parts)
    return parts if right else None


def _is_octet(part: bytes) -> bool:
    return part.isdigit() and len(part) < 4 and int(part) < 256 and (part == b"0" or part[:1] != b"0")
