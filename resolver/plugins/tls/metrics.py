"""What ``tls`` shows of certificates."""

from __future__ import annotations

import ssl
from collections import Counter
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from resolver.errors import WireError
from resolver.telemetry.metrics import Registry
from resolver.wire.der import valid_until

_END: Final = "-----END CERTIFICATE-----"


class Metrics:
    """The figures of one certificate, by the name of its file; several parts may show the same."""

    def __init__(self, registry: Registry, path: Path) -> None:
        self._label = str(path)
        self._users = _users.setdefault(registry, Counter())
        self._expiry = registry.gauge(
            "coredns_tls_certificate_expiry_timestamp_seconds",
            "When the certificate in service ends to be valid, in seconds since 1970.",
            ("certificate",),
            merge="min",
        )
        self._failures = registry.counter(
            "coredns_tls_reload_failures_total", "New files that could not be used.", ("certificate",)
        )

    def begin(self) -> None:
        """Show them from now on."""
        self._users[self._label] += 1
        self._failures.cell(self._label)

    def end(self) -> None:
        """Show them no more, where nobody else does."""
        self._users[self._label] -= 1
        if self._users[self._label] <= 0:
            del self._users[self._label]
            self._expiry.drop(self._label)
            self._failures.drop(self._label)

    def expires(self, at: float | None) -> None:
        """The certificate in service ends then, in seconds since 1970; None where that is not known."""
        if at is not None:
            self._expiry.cell(self._label).value = at

    def failed(self) -> None:
        """Count files that could not be used."""
        self._failures.cell(self._label).value += 1


_users: WeakKeyDictionary[Registry, Counter[str]] = WeakKeyDictionary()


def expiry_of(path: Path) -> float | None:
    """When the first certificate of a PEM file ends, in seconds since 1970; None where it cannot be read."""
    try:
        text = path.read_text(encoding="ascii", errors="replace")
        begin = text.index("-----BEGIN CERTIFICATE-----")
        return valid_until(ssl.PEM_cert_to_DER_cert(text[begin : text.index(_END, begin) + len(_END)]))
    except (OSError, ValueError, WireError):
        return None
