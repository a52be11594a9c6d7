"""TLS towards upstreams: version 1.2 or newer, certificates always verified, sessions resumed (RFC 7858, RFC 8446)."""

from __future__ import annotations

import hashlib
import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resolver.errors import UpstreamError, WireError
from resolver.upstream.pins import fingerprint


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: our certificate and key for upstreams that ask for them, and the authorities to trust (None: system).

    ``digest`` stands for their contents, so that settings with renewed certificates are not taken for equal.
    """

    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How an encrypted upstream is trusted and spoken to.

    ``pins`` are SHA-256 digests of public keys of which the server must have one (RFC 7858 section 4.2); with
    ``pin_only`` that alone counts, and neither authorities nor names are looked at. ``padding`` brings queries to a
    whole number of blocks.
    """

    files: TlsFiles = field(default_factory=TlsFiles)
    pins: frozenset[bytes] = frozenset()
    pin_only: bool = False
    padding: bool = True


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


class ClientTls:
    """What a line says about certificates, at work; shared by all upstreams for which it says the same.

    Raises UpstreamError for files that are not what they should be. Sessions are resumed, but a query never travels
    in their first flight (0-RTT), where it could be replayed: Python's ssl cannot send early data at all.
    """

    def __init__(self, settings: TlsSettings) -> None:
        self.settings = settings
        self._contexts: dict[str, ResumingContext] = {}
        self.context()

    def context(self, protocol: str = "") -> ResumingContext:
        """The context for connections over TCP. ``protocol`` is what ALPN must agree on (RFC 7301), if anything."""
        found = self._contexts.get(protocol)
        if found is None:
            found = client_context(self.settings.files)
            if self.settings.pin_only:
                found.check_hostname = False
                found.verify_mode = ssl.CERT_NONE
            if protocol:
                found.set_alpn_protocols([protocol])
            self._contexts[protocol] = found
        return found

    def objection_to(self, peer: ssl.SSLObject | None) -> str:
        """``objection`` to the other end of a connection whose handshake is done."""
        return self.objection(peer.getpeercert(binary_form=True) if peer else None) if self.settings.pins else ""

    def objection(self, certificate: bytes | None) -> str:
        """Why nothing may be sent to who has shown this certificate (DER) in the handshake; empty where it may."""
        pins = self.settings.pins
        if not pins:
            return ""
        try:
            found = fingerprint(certificate or b"")
        except WireError:
            return "tls: the certificate cannot be read"
        return "" if found in pins else f"tls: the key sha256/{b64encode(found).decode()} is not one that tls_pin names"


def reason(error: ssl.SSLError) -> str:
    """The error in words of one line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: {error.verify_message}"
    return f"tls: {(error.reason or str(error)).lower().replace('_', ' ')}"
