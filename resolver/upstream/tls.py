"""TLS towards upstreams: version 1.2 or newer, certificates always verified, sessions resumed (RFC 7858, RFC 8446)."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resolver.errors import UpstreamError


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: our certificate and key for upstreams that ask for them, and the authorities to trust (None: system).

    ``digest`` stands for their contents, so that settings with renewed certificates are not taken for equal.
    """

    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None
    digest: str = ""


def read_files(certificate: Path | None, key: Path | None, authority: Path | None) -> TlsFiles:
    """The files with their digest. Raises UpstreamError for those that cannot be read."""
    digest = hashlib.sha256()
    for path in (certificate, key, authority):
        try:
            digest.update(path.read_bytes() if path else b"\0")
        except OSError as error:
            raise UpstreamError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None
    return TlsFiles(certificate, key, authority, digest.hexdigest())


def client_context(files: TlsFiles) -> ResumingContext:
    """A context for connections to upstreams. Raises UpstreamError for files that are not what they should be."""
    context = ResumingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if files.authority:
            context.load_verify_locations(files.authority)
        else:
            context.load_default_certs()
    except (OSError, ValueError):
        raise UpstreamError(f"{files.authority} holds no certificates of authorities") from None
    if files.certificate and files.key:
        try:
            context.load_cert_chain(files.certificate, files.key)
        except (OSError, ValueError):
            raise UpstreamError(f"{files.certificate} and {files.key} are not a certificate and its key") from None
    return context


class ResumingContext(ssl.SSLContext):
    """A client context that resumes the last session with a server of the same name."""

    def __init__(self, *_: Any) -> None:
        super().__init__()
        self._sessions: dict[str | None, ssl.SSLSession] = {}

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """As in SSLContext, with the remembered session put in; asyncio itself gives none."""
        name = server_hostname.decode() if isinstance(server_hostname, bytes) else server_hostname
        session = session or self._sessions.get(name)
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)

    def remember(self, server_name: str, connection: ssl.SSLObject | None) -> None:
        """Keep the session of a connection that has exchanged data: by then TLS 1.3 has sent its ticket."""
        session = connection.session if connection else None
        if session is not None:
            self._sessions[server_name] = session


def reason(error: ssl.SSLError) -> str:
    """The error in words of one line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: {error.verify_message}"
    return f"tls: {(error.reason or str(error)).lower().replace('_', ' ')}"
