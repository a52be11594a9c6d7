"""From settings to what OpenSSL wants to know."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Final

from resolver.plugins.tls.settings import NO_CERTIFICATE, Settings

_VERIFY: Final = {
    NO_CERTIFICATE: ssl.CERT_NONE,
    "verify_if_given": ssl.CERT_OPTIONAL,
    "require_and_verify": ssl.CERT_REQUIRED,
}


def context_of(settings: Settings, protocols: Sequence[str]) -> ssl.SSLContext:
    """A context for listeners that speak these protocols (ALPN names). Raises OSError and ValueError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(list(protocols))
    load(context, settings)
    context.verify_mode = _VERIFY[settings.client_auth]
    if settings.keylog is not None:
        context.keylog_filename = str(settings.keylog)
    return context


def load(context: ssl.SSLContext, settings: Settings) -> None:
    """Read the files into the context; connections that are open keep what they have. Raises OSError and ValueError."""
    context.load_cert_chain(settings.certificate, settings.key, password=_no_password)
    if settings.authority is not None:
        context.load_verify_locations(settings.authority)
    elif settings.client_auth != NO_CERTIFICATE:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)


def _no_password() -> str:
    raise ValueError("the key is encrypted")


def reason_of(error: Exception) -> str:
    """What was wrong with a file, in one line."""
    return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error)
