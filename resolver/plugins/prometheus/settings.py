"""``prometheus [ADDRESS] { runtime_metrics; tls ... }`` as a value."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from resolver.config.cursor import args, flag, host_port, option_values
from resolver.config.model import Directive
from resolver.plugins.prometheus.tls import read_tls

DEFAULT_ADDRESS = ("localhost", 9153)


@dataclass(frozen=True, slots=True)
class Settings:
    """``address`` is host (empty for all) and port; ``tls`` the certificate to serve with, None for plain HTTP."""

    address: tuple[str, int] = DEFAULT_ADDRESS
    runtime_metrics: bool = False
    tls: ssl.SSLContext | None = None


def parse(directive: Directive, root: Path) -> Settings:
    """Read the directive; ``root`` is where relative paths start. Raises ConfigError."""
    words = args(directive, 0, 1)
    address = host_port(words[0]) if words else DEFAULT_ADDRESS
    readers = {"runtime_metrics": flag, "tls": lambda option: read_tls(option, root)}
    return Settings(address, **option_values(directive, readers))
