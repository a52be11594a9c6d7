"""tls: the certificate with which a server block's encrypted listeners serve."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.tls.part import Tls
from resolver.plugins.tls.settings import NO_CERTIFICATE, parse

__all__ = ["Tls", "setup"]


def setup(setup: Setup) -> Tls:
    """The part; its files are read here, so that mistakes show before anything is served. Raises ConfigError."""
    settings = parse(setup.only, setup.block.root)
    over_quic = [key.text for key in setup.block.keys if key.text.lower().startswith(("quic://", "https3://"))]
    if over_quic and settings.client_auth != NO_CERTIFICATE:
        line = next(option for option in setup.only.options if option.name.text == "client_auth")
        hint = "serve those who show certificates on tls:// or https:// in a server block of their own"
        raise line.name.error(f"certificates of clients cannot be checked on {over_quic[0]}", hint)
    return Tls(settings, setup.only.args, setup.host)
