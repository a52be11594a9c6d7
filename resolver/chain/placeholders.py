"""Texts with placeholders such as ``{name}`` or ``{/forward/upstream}``: compiled once, filled in for each query."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from resolver.chain.query import DATAGRAMS, Query
from resolver.wire.constants import FLAG_NAMES, OPCODE_MASK, class_name, rcode_name, type_name
from resolver.wire.names import to_text

COMMON: Final = (
    '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" '
    "{rcode} {>rflags} {rsize} {duration}"
)
COMBINED: Final = COMMON + ' "{>opcode}"'
NOTHING: Final = "-"

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


@dataclass(slots=True)
class Event:
    """A query and, once it is known, the message that answered it. ``duration`` is in seconds."""

    query: Query
    rcode: int | None = None
    message: bytes = b""
    duration: float | None = None

    @property
    def flags(self) -> str:
        """The flags of the answer: ``qr,aa,rd``; a dash where none was sent."""
        if not self.message:
            return NOTHING
        flags = self.message[2] << 8 | self.message[3]
        return ",".join(name for bit, name in FLAG_NAMES.items() if flags & bit)

    def metadata(self, label: str) -> str:
        """What is known under a metadata label such as ``forward/upstream``."""
        return (self.query.metadata or {}).get(label, NOTHING)


class Format:
    """A template whose placeholders were looked up; ``{common}`` and ``{combined}`` stand for the well-known ones."""

    def __init__(self, template: str) -> None:
        self.template = template.replace("{common}", COMMON).replace("{combined}", COMBINED)
        self._pieces = tuple(self._compile())

    @property
    def varies(self) -> bool:
        """Whether there is a placeholder in it at all."""
        return len(self._pieces) > 1

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The metadata labels that it names."""
        return tuple(
            word[2:-1] for word in _PLACEHOLDER.findall(self.template) if word.startswith("{/") and _filler(word)
        )

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """What looks like a placeholder and is printed as it stands."""
        return tuple(word for word in _PLACEHOLDER.findall(self.template) if _filler(word) is None)

    def fill(self, event: Event) -> str:
        """The text."""
        return "".join(piece if isinstance(piece, str) else piece(event) for piece in self._pieces)

    def _compile(self) -> list[str | Callable[[Event], str]]:
        pieces: list[str | Callable[[Event], str]] = []
        at = 0
        for found in _PLACEHOLDER.finditer(self.template):
            filler = _filler(found[0])
            if filler is not None:
                pieces += [self.template[at : found.start()], filler]
                at = found.end()
        return [*pieces, self.template[at:]]


def _filler(placeholder: str) -> Callable[[Event], str] | None:
    if placeholder.startswith("{/") and len(placeholder) > 3:
        label = placeholder[2:-1]
        return lambda event: event.metadata(label)
    return _FILLERS.get(placeholder)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


_FILLERS: Final[dict[str, Callable[[Event], str]]] = {
    "{type}": lambda event: type_name(event.query.qtype),
    "{name}": lambda event: to_text(event.query.name),
    "{class}": lambda event: class_name(event.query.qclass),
    "{proto}": lambda event: "udp" if event.query.transport in DATAGRAMS else "tcp",
    "{remote}": lambda event: _bracketed(event.query.client[0]),
    "{port}": lambda event: str(event.query.client[1]),
    "{local}": lambda event: _bracketed(event.query.local[0]),
    "{size}": lambda event: str(event.query.size),
    "{rcode}": lambda event: NOTHING if event.rcode is None else rcode_name(event.rcode),
    "{rsize}": lambda event: NOTHING if event.rcode is None else str(len(event.message)),
    "{duration}": lambda event: NOTHING if event.duration is None else f"{event.duration:.9f}s",
    "{>rflags}": lambda event: event.flags,
    "{>bufsize}": lambda event: str(event.query.reply_limit),
    "{>do}": lambda event: "true" if event.query.do else "false",
    "{>id}": lambda event: str(event.query.id),
    "{>opcode}": lambda event: str((event.query.flags & OPCODE_MASK) >> 11),
}
