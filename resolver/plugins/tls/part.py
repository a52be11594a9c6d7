"""The certificate of a server block, and keeping it like the files."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Final

from resolver.chain.capabilities import ListenSettings, Pem
from resolver.chain.plugin import Part
from resolver.chain.setup import Host
from resolver.config.model import Word
from resolver.plugins.tls.context import context_of, culprit, load, reason_of
from resolver.plugins.tls.metrics import Metrics, expiry_of
from resolver.plugins.tls.settings import Settings

_EVERY: Final = 10.0  # seconds between two looks at the files

Stamps = tuple[tuple[int, int] | None, ...]


class Tls(Part):
    """Listeners take their contexts from here; new files are read into these, so that no connection is dropped."""

    name: ClassVar[str] = "tls"

    def __init__(self, settings: Settings, words: Sequence[Word], host: Host) -> None:
        self.settings = settings
        self._log = host.log.named(self.name)
        self._metrics = Metrics(host.registry, settings.certificate)
        self._expiry: float | None = None
        self._contexts: dict[tuple[str, ...], ssl.SSLContext] = {}
        self._stamps = self._seen()
        self._pem: Pem | None = None
        self._watching: asyncio.Task[None] | None = None
        try:
            self.context(())
        except (OSError, ValueError) as error:
            found = culprit(settings, error)
            mistake = words[found.number].error(f"cannot use the {found.what}: {reason_of(found.error)}")
            if host.elsewhere is None or not host.elsewhere.excuses(mistake, found.error):
                raise mistake from found.error
        self._expiry = expiry_of(settings.certificate)

    @property
    def identity(self) -> object:
        """Two parts with equal identities may serve the same listener."""
        return self.settings

    def context(self, protocols: Sequence[str]) -> ssl.SSLContext:
        """The context for listeners that speak these protocols."""
        key = tuple(protocols)
        if key not in self._contexts:
            self._contexts[key] = context_of(self.settings, key)
        return self._contexts[key]

    def pem(self) -> Pem:
        """The files as they are in use. Raises OSError."""
        if self._pem is None:
            self._pem = _read(self.settings)
        return self._pem

    def listen(self, settings: ListenSettings) -> ListenSettings:
        """Listeners of the block have this certificate."""
        return replace(settings, certificate=self)

    def succeed(self, previous: Any) -> None:
        """Look after the contexts of listeners that stay open over a reload."""
        if isinstance(previous, Tls) and previous.settings == self.settings:
            self._contexts, self._stamps, self._pem = previous._contexts, previous._stamps, previous._pem
            self._expiry = previous._expiry

    async def start(self) -> None:
        self._metrics.begin()
        self._metrics.expires(self._expiry)
        self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
            self._metrics.end()

    async def _watch(self) -> None:
        while True:
            self.refresh()
            await asyncio.sleep(_EVERY)

    def refresh(self) -> None:
        """Read the files again if they have changed; what cannot be used leaves the old certificate in service."""
        stamps = self._seen()
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            context_of(self.settings, ())  # certificate and key may be replaced one after the other
            for context in self._contexts.values():
                load(context, self.settings)
            if self._pem is not None:
                self._pem = _read(self.settings)
        except (OSError, ValueError) as error:
            self._metrics.failed()
            self._log.error(f"the new certificate {self.settings.certificate} cannot be used: {reason_of(error)}")
        else:
            self._expiry = expiry_of(self.settings.certificate)
            self._metrics.expires(self._expiry)
            self._log.info(f"the certificate {self.settings.certificate} has changed and is in use")

    def _seen(self) -> Stamps:
        files = (self.settings.certificate, self.settings.key, self.settings.authority)
        return tuple([_stamp(path) for path in files])


def _read(settings: Settings) -> Pem:
    return Pem(settings.certificate.read_bytes(), settings.key.read_bytes(), settings.keylog)


def _stamp(path: Path | None) -> tuple[int, int] | None:
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ino) if found is not None else None
