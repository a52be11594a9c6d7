"""What CoreDNS takes, from ``reference.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("reference.toml")


@dataclass(frozen=True)
class Directive:
    """``without_effect`` are the entries that CoreDNS takes and ignores.

    ``not_built`` has reasons by entry, ``reason`` is why there is no page; ``page`` is where else we explain it."""

    name: str
    arguments: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    not_built: Mapping[str, str] = field(default_factory=dict)
    without_effect: tuple[str, ...] = ()
    purpose: str = ""
    reason: str = ""
    page: str = ""

    @property
    def entries(self) -> tuple[str, ...]:
        return (*self.arguments, *self.options)


@dataclass(frozen=True)
class Reference:
    """The directives of one version, in the order of the chain."""

    version: str
    directives: Mapping[str, Directive]


def reference(path: Path = _FILE) -> Reference:
    """Raises TypeError for a key that the file must not have."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    found = {name: _directive(name, **given) for name, given in content["directives"].items()}
    return Reference(content["version"], found)


def _directive(name: str, **given: Any) -> Directive:
    values: dict[str, Any] = {key: tuple(one) if isinstance(one, list) else one for key, one in given.items()}
    return Directive(name, **values)
