"""The JSON of the API in pieces: what a list and an event are, their objects left as octets until their turn comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec

from resolver.errors import KubeError

MAX_LINE = 16 << 20  # octets of one event; etcd takes objects of 1.5 MB, JSON can be larger than what is stored
MAX_PAGE = 128 << 20  # octets of one page of a list


class TooLarge(KubeError):
    """A page of a list that is over its limit."""


class Garbage(KubeError):
    """What the API sent is not what it should be."""


class ListMeta(msgspec.Struct, rename={"resource_version": "resourceVersion", "more": "continue"}):
    """What a page says of the list: its version, and how to ask for the rest."""

    resource_version: str = ""
    more: str = ""


class Page(msgspec.Struct):
    """A page of a list; an empty one may have null for its items."""

    metadata: ListMeta
    items: list[msgspec.Raw] | None = None


class Event(msgspec.Struct):
    """A line of a watch."""

    type: str
    object: msgspec.Raw


_PAGES = msgspec.json.Decoder(Page)
_EVENTS = msgspec.json.Decoder(Event)


def page(body: bytes | bytearray) -> Page:
    """The page in this body. Raises Garbage."""
    try:
        return _PAGES.decode(body)
    except msgspec.MsgspecError as error:
        raise Garbage(f"a list could not be read: {error}") from error


def event(line: bytes | bytearray) -> Event:
    """The event in this line. Raises Garbage."""
    try:
        return _EVENTS.decode(line)
    except msgspec.MsgspecError as error:
        raise Garbage(f"an event could not be read: {error}") from error


def tree(raw: bytes | msgspec.Raw) -> dict[str, Any]:
    """An object as plain values, without ``managedFields``, which nobody here reads. Raises Garbage."""
    try:
        value = msgspec.json.decode(raw)
    except msgspec.MsgspecError as error:
        raise Garbage(f"an object could not be read: {error}") from error
    if not isinstance(value, dict) or not isinstance(value.get("metadata"), dict):
        raise Garbage("an object has no metadata")
    value["metadata"].pop("managedFields", None)
    return value


def status(raw: bytes | msgspec.Raw) -> tuple[str, int]:
    """Message and code of the Status object in which the API says what is wrong; 0 for none."""
    try:
        tree = msgspec.json.decode(raw)
    except msgspec.MsgspecError:
        tree = None
    if not isinstance(tree, dict):
        return "", 0
    code = 410 if tree.get("reason") in ("Expired", "Gone") else tree.get("code")
    return str(tree.get("message") or tree.get("reason") or "")[:300], code if isinstance(code, int) else 0


def key_of(tree: dict[str, Any]) -> str:
    """``namespace/name``, or ``name`` for what is in no namespace. Raises Garbage without a name."""
    metadata = tree["metadata"]
    namespace, name = metadata.get("namespace"), metadata.get("name")
    if not isinstance(name, str) or not name:
        raise Garbage("an object has no name")
    return f"{namespace}/{name}" if namespace else name


async def whole(pieces: AsyncIterator[bytes], limit: int = MAX_PAGE) -> bytearray:
    """All of a body. Raises TooLarge."""
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > limit:
            raise TooLarge(f"a page of a list has more than {limit >> 20} MiB")
    return body


class Lines:
    """Lines out of pieces. One that is longer than ``limit`` octets is left out and counted in ``dropped``."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._skipping = False
        self.dropped = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The lines that this piece completes, without the empty ones."""
        *complete, rest = piece.split(b"\n")
        for line in complete:
            whole = bytes(self._rest + line) if self._rest else line
            self._rest.clear()
            if self._skipping or len(whole) > self._limit:
                self._skipping = False
                self.dropped += 1
            elif whole.strip():
                yield whole
        if not self._skipping:
            self._rest += rest
            if len(self._rest) > self._limit:
                self._skipping = True
                self._rest.clear()
