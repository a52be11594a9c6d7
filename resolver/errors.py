"""The errors of this project: one root and its few children.

Code below raises the reason; the caller that knows the place (a line of a file, an upstream) adds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class ResolverError(Exception):
    """Root of every error that this project raises on purpose."""


class WireError(ResolverError):
    """A message, name or record that breaks the wire format (RFC 1035 section 4)."""


class EdnsError(WireError):
    """An OPT record that breaks RFC 6891; the FORMERR for it carries OPT itself (section 7)."""


class UpstreamError(ResolverError):
    """An exchange with an upstream that brought no usable answer."""


class KubeError(ResolverError):
    """The Kubernetes API cannot be used as it was asked for: no access, a selector that means nothing, no library."""


class Malformed(ResolverError):
    """A Kubernetes object that cannot be used; the message says what is wrong with it."""


class ZoneError(ResolverError):
    """Zone data that cannot be served; ``at`` is where the mistake stands, as far as a file has it."""

    def __init__(self, message: str, at: Place | None = None) -> None:
        super().__init__(f"{at}: {message}" if at else message)
        self.message = message
        self.at = at


class SigningError(ResolverError):
    """Something cannot be signed: no key, no library, no room for more work."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a word stands: file as the user named it, line and column counted from 1."""

    file: str
    line: int
    column: int = 1

    def __reduce__(self) -> tuple[Any, ...]:
        return Place, (self.file, self.line, self.column)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class ConfigError(ResolverError):
    """A mistake in the configuration, with its place where that is known.

    ``length`` is the number of characters to underline; ``hint`` is a suggestion in one sentence. ``directive`` is the
    one that the mistake is about, as far as whoever sets it up has said so. ``absent`` is set where it may be none on
    another machine: this one lacks a variable, an interface or a file.
    """

    def __init__(self, message: str, at: Place | None = None, *, length: int = 1, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.length = length
        self.hint = hint
        self.directive = ""
        self.absent = False

    def __str__(self) -> str:
        where = f"{self.at}: " if self.at else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}{self.message}{hint}"


class ConfigErrors(ResolverError):
    """All mistakes that one reading of a configuration found, in file order."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = tuple(errors)
