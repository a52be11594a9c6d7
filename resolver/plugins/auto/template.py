"""The origin of a zone from the name of its file."""

from __future__ import annotations

import re
from dataclasses import dataclass

from resolver.config.model import Word
from resolver.config.pattern import Pattern
from resolver.errors import WireError
from resolver.wire.names import from_text

_GROUP = re.compile(r"\$?\{(\w+)\}|\$(\w+)")


@dataclass(frozen=True, slots=True)
class Template:
    """Text with groups of a pattern in it: ``parts`` are texts and numbers of groups."""

    parts: tuple[str | int, ...]

    @classmethod
    def read(cls, word: Word, pattern: Pattern) -> Template:
        """The template with its groups looked up. Raises ConfigError for one that the pattern does not have."""
        parts: list[str | int] = []
        at = 0
        for match in _GROUP.finditer(word.text):
            name = match.group(1) or match.group(2)
            number = int(name) if name.isdigit() else pattern.names.get(name, -1)
            if not 0 <= number <= pattern.count:
                raise word.error(f"the pattern has no group {name}")
            parts += [word.text[at : match.start()], number]
            at = match.end()
        parts.append(word.text[at:])
        return cls(tuple(parts))

    def origin(self, groups: tuple[str, ...]) -> bytes:
        """The origin as lower-case wire name, for what the pattern found. Raises WireError."""
        text = "".join([part if isinstance(part, str) else groups[part] for part in self.parts])
        if not text:
            raise WireError("the name of the file leaves nothing for the origin")
        return from_text(text).lower()
