"""Signing keys in the files of ``dnssec-keygen``: ``K<zone>+<algorithm>+<tag>.key`` and ``.private``."""

from __future__ import annotations

import base64
import binascii
import hashlib
import importlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from resolver.errors import SigningError, WireError
from resolver.wire.names import from_text, to_text

EXTRA: Final = "k8s-resolver[dnssec]"
RSASHA1, RSASHA1_NSEC3, RSASHA256, RSASHA512, ECDSAP256, ECDSAP384, ED25519 = 5, 7, 8, 10, 13, 14, 15
ALGORITHMS: Final = {
    RSASHA1: "RSASHA1", RSASHA1_NSEC3: "NSEC3RSASHA1", RSASHA256: "RSASHA256", RSASHA512: "RSASHA512",
    ECDSAP256: "ECDSAP256SHA256", ECDSAP384: "ECDSAP384SHA384", ED25519: "ED25519",
}  # fmt: skip
OUTDATED: Final = frozenset((RSASHA1, RSASHA1_NSEC3))  # RFC 9905: validators may take the zone for unsigned
_QUICK: Final = frozenset((ECDSAP256, ED25519))
_SHA256: Final = 2
_ZONE_KEY, _ENTRY_POINT, _PROTOCOL = 0x0100, 0x0001, 3
_LARGEST_FILE: Final = 65536


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a zone with its private half.

    ``owner`` is a lower-case wire name, ``ttl`` that of the file or None, ``rdata`` that of the DNSKEY record and
    ``tag`` its tag. ``sign`` gives the signature over some octets, as it stands in RRSIG.
    """

    owner: bytes
    ttl: int | None
    rdata: bytes
    tag: int
    sign: Callable[[bytes], bytes] = field(repr=False, compare=False)

    @property
    def flags(self) -> int:
        """The flags of the DNSKEY record (RFC 4034 section 2.1.1)."""
        return int.from_bytes(self.rdata[:2], "big")

    @property
    def algorithm(self) -> int:
        """The number of the algorithm."""
        return self.rdata[3]

    @property
    def is_entry_point(self) -> bool:
        """Whether it is a key signing key (SEP is set)."""
        return self.flags & _ENTRY_POINT != 0

    @property
    def is_quick(self) -> bool:
        """Whether a signature takes some 30 microseconds, and not up to milliseconds."""
        return self.algorithm in _QUICK

    def ds(self, owner: bytes) -> bytes:
        """The rdata of a DS record with SHA-256 for this key in the zone ``owner``, a lower-case wire name."""
        digest = hashlib.sha256(owner + self.rdata).digest()
        return self.tag.to_bytes(2, "big") + bytes((self.algorithm, _SHA256)) + digest

    def __str__(self) -> str:
        return f"{to_text(self.owner)} (tag {self.tag}, {ALGORITHMS[self.algorithm]})"


def read_key(base: Path) -> Key:
    """The key in ``base``.key and ``base``.private; ``base`` may end in either. Raises SigningError."""
    need_library()
    if base.suffix in (".key", ".private"):
        base = base.with_suffix("")
    public_file, private_file = base.with_name(base.name + ".key"), base.with_name(base.name + ".private")
    try:
        owner, ttl, rdata = _public(_read(public_file))
    except SigningError as error:
        raise SigningError(f"{public_file}: {error}") from None
    from resolver.dnssec.algorithms import signer_of  # the library is an extra

    try:
        return Key(owner, ttl, rdata, key_tag(rdata), signer_of(rdata, private_fields(_read(private_file))))
    except SigningError as error:
        raise SigningError(f"{private_file}: {error}") from None


def keys_of(folder: Path, zone: bytes) -> list[Path]:
    """The files in ``folder`` that are named as keys of the zone, a lower-case wire name. Raises SigningError."""
    start = f"K{to_text(zone)}+"
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix == ".key")
    except OSError as error:
        raise SigningError(f"{folder}: {error.strerror}") from None
    return [path for path in found if path.name.lower().startswith(start.lower())]


def key_tag(rdata: bytes) -> int:
    """The tag of the key in the rdata of a DNSKEY record (RFC 4034 appendix B)."""
    total = sum(rdata[0::2]) * 256 + sum(rdata[1::2])
    return (total + (total >> 16)) & 0xFFFF


def need_library() -> None:
    """Import what the extra brings. Raises SigningError when it is not installed."""
    try:
        importlib.import_module("resolver.dnssec.algorithms")
    except ImportError as error:
        raise SigningError(f"needs a library that is not installed ({error.name}): pip install '{EXTRA}'") from error


def private_fields(text: str) -> dict[str, str]:
    """The fields of a private key file, by name in lower case. Raises SigningError."""
    fields = {}
    for line in text.splitlines():
        name, colon, content = line.partition(":")
        if colon:
            fields[name.strip().lower()] = content.strip()
    if not fields.get("private-key-format", "").startswith("v1."):
        raise SigningError("is not a private key in the format v1.2 or v1.3")
    return fields


def _read(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SigningError("is not a regular file")
            data = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise SigningError(error.strerror or "cannot be read") from None
    if len(data) > _LARGEST_FILE:
        raise SigningError("is too large for a key")
    return data.decode("ascii", "replace")


def _public(text: str) -> tuple[bytes, int | None, bytes]:
    """Owner, TTL and rdata of the DNSKEY record in a key file."""
    words = list(_words(text))
    at = next((place for place, word in enumerate(words) if word.upper() == "DNSKEY"), 0)
    if at < 1 or len(words) < at + 5:
        raise SigningError("has no DNSKEY record")
    ttl = next((int(word) for word in words[1:at] if word.isascii() and word.isdigit()), None)
    try:
        owner = from_text(words[0]).lower()
        flags, protocol = int(words[at + 1]), int(words[at + 2])
        material = base64.b64decode("".join(words[at + 4 :]), validate=True)
    except (ValueError, binascii.Error, WireError):
        raise SigningError("has a DNSKEY record that cannot be read") from None
    if flags >> 16 or not flags & _ZONE_KEY or protocol != _PROTOCOL:
        raise SigningError("is not a key of a zone (flags 256 or 257, protocol 3)")
    return owner, ttl, flags.to_bytes(2, "big") + bytes((protocol, _algorithm(words[at + 3]))) + material


def _words(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield from line.partition(";")[0].replace("(", " ").replace(")", " ").split()


def _algorithm(word: str) -> int:
    number = next((number for number, name in ALGORITHMS.items() if word.upper() in (name, str(number))), None)
    if number is None:
        raise SigningError(f"has a key with the algorithm {word}, which is not one of {', '.join(ALGORITHMS.values())}")
    return number
