"""Host names as objects of the cluster have them: what may become a name in the DNS, and why the rest may not."""

from __future__ import annotations

import re
from ipaddress import ip_address

from resolver.errors import WireError
from resolver.wire.names import from_text

LABEL_LIMIT = 63
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_SERVICE_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_SHOWN = 100
WILDCARD = b"\1*"


class Refused(Exception):
    """A host or a record that is left out. ``reason`` is a word for metrics, the message one for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __eq__(self, other: object) -> bool:
        """The same is left out: an object in which nothing else has changed is the same object."""
        return isinstance(other, Refused) and (self.reason, str(self)) == (other.reason, str(other))

    def __hash__(self) -> int:
        return hash((self.reason, str(self)))


def read_host(text: object, *, underscores: bool = False) -> bytes:
    """The lower-case wire name of a host, its first label perhaps ``*``. Raises Refused.

    The rules are those of RFC 1123 section 2.1; with ``underscores`` also labels such as ``_http`` are taken.
    """
    if not isinstance(text, str) or not text:
        raise Refused("host", "a host that is not a name")
    host = text.lower().removesuffix(".")
    labels = host.removeprefix("*.").split(".")
    if labels[-1].isdigit() or _is_address(host):  # no name ends in a number (RFC 3696 section 2)
        raise Refused("address", f"host {shown(text)} is an address, not a name")
    if any(len(label) > LABEL_LIMIT for label in labels):
        raise Refused("label", f"host {shown(text)} has a label of more than {LABEL_LIMIT} characters")
    pattern = _SERVICE_LABEL if underscores else _LABEL
    if not all(pattern.fullmatch(label) for label in labels):
        raise Refused("host", f"host {shown(text)} is not a name")
    try:
        return from_text(host)
    except WireError:
        raise Refused("label", f"host {shown(text)} is longer than 255 octets") from None


def read_target(text: object) -> bytes:
    """The lower-case wire name of a host that is pointed at. Raises Refused."""
    name = read_host(text, underscores=True)
    if name.startswith(WILDCARD):
        raise Refused("target", f"target {shown(text)} is a wildcard")
    return name


def shown(text: object) -> str:
    """The text for a line of the log, which it must not flood."""
    whole = str(text)
    return repr(whole if len(whole) <= _SHOWN else whole[:_SHOWN] + "...")


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
