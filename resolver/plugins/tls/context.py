"""From settings to what OpenSSL wants to know."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from resolver.plugins.tls.settings import NO_CERTIFICATE, Settings
from resolver.sockets.alerts import AlertingContext

_KINDS: Final = ("certificate", "key", "authorities")
_KEY: Final = 1
_VERIFY: Final = {
    NO_CERTIFICATE: ssl.CERT_NONE,
    "verify_if_given": ssl.CERT_OPTIONAL,
    "require_and_verify": ssl.CERT_REQUIRED,
}


def context_of(settings: Settings, protocols: Sequence[str]) -> ssl.SSLContext:
    """A context for listeners that speak these protocols (ALPN names). Raises OSError and ValueError."""
    context = AlertingContext(ssl.PROTOCOL_TLS_SERVER)
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


@dataclass(frozen=True, slots=True)
class Culprit:
    """The file that cannot be used: the number of its word in the line, and why."""

    number: int
    what: str
    error: Exception


def culprit(settings: Settings, error: Exception) -> Culprit:
    """Which of the files ``error`` is about, that came of ``load``: OpenSSL does not say."""
    files = (settings.certificate, settings.key, settings.authority)
    named = [(number, path) for number, path in enumerate(files) if path is not None]
    for number, path in named:
        try:
            path.read_bytes()
        except OSError as unreadable:
            return Culprit(number, f"{_KINDS[number]} {path}", unreadable)
    bad = [number for number, path in named if number != _KEY and not _has_certificate(path)]
    number = (bad or [_KEY])[0]  # a key can be judged beside a good certificate alone
    return Culprit(number, f"{_KINDS[number]} {files[number]}", error)


def _has_certificate(path: Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (OSError, ValueError):
        return False
    return True


def _no_password() -> str:
    raise ValueError("the key is encrypted")


def reason_of(error: Exception) -> str:
    """What was wrong with a file, in one line."""
    return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error)
