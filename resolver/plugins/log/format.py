"""What is known when a line is written: for the placeholders of its format, and for programs that read the log."""

from __future__ import annotations

from dataclasses import dataclass

from resolver.chain import placeholders
from resolver.wire.constants import class_name, rcode_name, type_name
from resolver.wire.names import to_text


@dataclass(slots=True)
class Event(placeholders.Event):
    """A query and the message that answered it, with what kind of answer it is."""

    rcode: int = 0
    duration: float = 0.0
    answer_type: str = placeholders.NOTHING
    answer_class: str = placeholders.NOTHING

    def metadata(self, label: str) -> str:
        """What is known under a metadata label; ``log/class`` and ``log/type`` always are."""
        if label == "log/class":
            return self.answer_class
        if label == "log/type":
            return self.answer_type
        return (self.query.metadata or {}).get(label, placeholders.NOTHING)

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
