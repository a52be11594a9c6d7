"""Certificates of a test's own making: right ones, expired ones, for other names and from other authorities."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

pytest.importorskip("cryptography")

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Signs certificates; its own is in ``file``."""

    def __init__(self, folder: Path, name: str = "authority", *, days: int = 10) -> None:
        self.folder = folder
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        usage = x509.BasicConstraints(ca=True, path_length=None)
        certificate = self._sign(self.name, self.key, days, [(usage, True)])
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, *names: str, days: int = 5, key: ec.EllipticCurvePrivateKey | None = None) -> Certificate:
        """A certificate for host names and addresses, valid for so many days from now (or since, when negative)."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
        signed = self._sign(x509.Name([]), key, days, [(alternatives, True)])
        return Certificate(self.folder, key, signed)

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        days: int,
        extensions: list[tuple[x509.ExtensionType, bool]],
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + timedelta(days=days))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())


class Certificate:
    """A certificate and its key, as files."""

    def __init__(self, folder: Path, key: ec.EllipticCurvePrivateKey, signed: x509.Certificate) -> None:
        stem = f"{signed.serial_number:x}"
        self.key, self.signed = key, signed
        self.file, self.key_file = folder / f"{stem}.pem", folder / f"{stem}.key"
        self.file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        self.key_file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))

    @property
    def der(self) -> bytes:
        """The certificate as it travels."""
        return self.signed.public_bytes(serialization.Encoding.DER)

    @property
    def pin(self) -> bytes:
        """SHA-256 of its public key, by somebody else's code."""
        digest = hashes.Hash(hashes.SHA256())
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        digest.update(self.key.public_key().public_bytes(serialization.Encoding.DER, form))
        return digest.finalize()

    def context(self, *protocols: str, clients: Path | None = None) -> ssl.SSLContext:
        """A server with this certificate, which asks for those of ``clients`` where that authority is given."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key_file)
        if protocols:
            context.set_alpn_protocols(protocols)
        if clients is not None:
            context.load_verify_locations(clients)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
