"""Formats of log lines: compiled once, filled in for each query."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from resolver.chain.query import Query
from resolver.wire.constants import FLAG_NAMES, OPCODE_MASK, class_name, rcode_name, type_name
from resolver.wire.names import to_text

COMMON: Final = (
    '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" '
    "{rcode} {>rflags} {rsize} {duration}"
)
COMBINED: Final = COMMON + ' "{>opcode}"'
NOTHING: Final = "-"

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_DATAGRAMS: Final = frozenset(("udp", "quic", "internal"))


@dataclass(slots=True)
class Event:
    """A query and the message that answered it. ``duration`` is in seconds."""

    query: Query
    rcode: int
    message: bytes
    duration: float
    answer_type: str
    answer_class: str

    @property
    def flags(self) -> str:
        """The flags of the answer: ``qr,aa,rd``; a dash where none was sent."""
        if not self.message:
            return NOTHING
        flags = self.message[2] << 8 | self.message[3]
        return ",".join(name for bit, name in FLAG_NAMES.items() if flags & bit)

    def metadata(self, label: str) -> str:
        """What is known under a metadata label such as ``log/class``."""
        if label == "log/class":
            return self.answer_class
        if label == "log/type":
            return self.answer_type
        return (self.query.metadata or {}).get(label, NOTHING)

    def fields(self) -> dict[str, object]:
        """The event for logs that are read by programs."""
        query = self.query
        return {
            "client": query.client[0], "port": query.client[1], "id": query.id, "type": type_name(query.qtype),
            "class": class_name(query.qclass), "name": to_text(query.name), "transport": query.transport,
            "size": query.size, "do": query.do, "bufsize": query.reply_limit, "rcode": rcode_name(self.rcode),
            "flags": self.flags, "rsize": len(self.message), "duration": round(self.duration, 9),
            "answer_class": self.answer_class, "answer_type": self.answer_type, "server": query.site.server,
            "zone": query.site.zone,
        }  # fmt: skip


class Format:
    """A template whose placeholders were looked up."""

    def __init__(self, template: str) -> None:
        self.template = template.replace("{common}", COMMON).replace("{combined}", COMBINED)
        self._pieces = tuple(self._compile())

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """What looks like a placeholder and is printed as it stands."""
        return tuple(word for word in _PLACEHOLDER.findall(self.template) if _filler(word) is None)

    def fill(self, event: Event) -> str:
        """The line."""
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


def compiled(template: str) -> Format:
    """The format of a template; ``{common}`` and ``{combined}`` stand for the two well-known ones."""
    return Format(template)


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
    "{proto}": lambda event: "udp" if event.query.transport in _DATAGRAMS else "tcp",
    "{remote}": lambda event: _bracketed(event.query.client[0]),
    "{port}": lambda event: str(event.query.client[1]),
    "{local}": lambda event: _bracketed(event.query.local[0]),
    "{size}": lambda event: str(event.query.size),
    "{rcode}": lambda event: rcode_name(event.rcode),
    "{rsize}": lambda event: str(len(event.message)),
    "{duration}": lambda event: f"{event.duration:.9f}s",
    "{>rflags}": lambda event: event.flags,
    "{>bufsize}": lambda event: str(event.query.reply_limit),
    "{>do}": lambda event: "true" if event.query.do else "false",
    "{>id}": lambda event: str(event.query.id),
    "{>opcode}": lambda event: str((event.query.flags & OPCODE_MASK) >> 11),
}
