"""What may be written, and what is said about the rest."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from resolver.errors import ConfigErrors
from resolver.plugins.dnstap.settings import Settings
from tests.plugins.chains import World
from tests.support.upstreams import CERTIFICATES

FILES = f"{CERTIFICATES}/server.pem {CERTIFICATES}/server.key"


def settings(text: str, root: Path = Path()) -> Settings:
    made: Settings = World().part(f". {{\n dnstap {text}\n}}", root).taps[0].settings
    return made


@pytest.mark.parametrize(
    ("text", "scheme", "place"),
    [
        ("/run/tap.sock", "unix", "/run/tap.sock"),
        ("unix:///run/tap.sock", "unix", "/run/tap.sock"),
        ("tap.sock", "unix", "tap.sock"),
        ("tcp://127.0.0.1:6000", "tcp", ("127.0.0.1", 6000)),
        ("tls://tap.example.org:6000", "tls", ("tap.example.org", 6000)),
        ("tcp://[::1]:6000", "tcp", ("::1", 6000)),
        ("listen tcp://:6000", "tcp", ("", 6000)),
    ],
)
def test_endpoints(text: str, scheme: str, place: object) -> None:
    endpoint = settings(text).endpoint
    assert (endpoint.scheme, endpoint.path or (endpoint.host, endpoint.port)) == (scheme, place)


def test_arguments_behind_the_endpoint() -> None:
    plain = settings("/s")
    assert (plain.full, plain.buffer, plain.queue, plain.listen) == (False, 1 << 20, 1, False)
    every = settings("listen /s full 4 20")
    assert (every.full, every.buffer, every.queue, every.listen) == (True, 4 << 20, 20, True)
    assert (settings("/s 2 3").buffer, settings("/s 2 3").queue) == (2 << 20, 3)


def test_options() -> None:
    found = settings('/s {\n identity me\n version "7 of 9"\n extra "{name}"\n}')
    assert (found.identity, found.version) == (b"me", b"7 of 9")
    assert found.extra is not None
    assert found.extra.varies


def test_a_collector_is_verified_unless_told_otherwise() -> None:
    strict, loose = settings("tls://h:1").tls, settings("tls://h:1 {\n skipverify\n}").tls
    assert strict is not None
    assert loose is not None
    assert (strict.verify_mode, strict.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (loose.verify_mode, loose.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.parametrize(
    ("options", "mode"),
    [
        (f"tls {FILES}", ssl.CERT_NONE),
        (f"tls {FILES} {CERTIFICATES}/ca.pem", ssl.CERT_REQUIRED),
        (f"tls {FILES} {CERTIFICATES}/ca.pem\n skipverify", ssl.CERT_OPTIONAL),
    ],
)
def test_collectors_show_certificates_where_an_authority_is_given(options: str, mode: ssl.VerifyMode) -> None:
    context = settings(f"listen tls://127.0.0.1:1 {{\n {options}\n}}").tls
    assert context is not None
    assert context.verify_mode == mode


def test_paths_of_certificates_start_at_the_root() -> None:
    context = settings("listen tls://:1 {\n tls server.pem server.key\n}", CERTIFICATES).tls
    assert context is not None


def test_skipverify_without_tls_is_only_a_warning() -> None:
    assert settings("/s {\n skipverify\n}").warnings == ("skipverify has no effect on /s",)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "needs"),
        ("listen", "listen needs an endpoint"),
        ("udp://127.0.0.1:1", "no way to send dnstap"),
        ("tcp://127.0.0.1", "has no port"),
        ("unix://", "needs a path"),
        ("/s full 0", "out of range"),
        ("/s full 1025", "out of range"),
        ("/s full 1 4097", "out of range"),
        ("/s full x", "not a whole number"),
        ("/s full 1 1 1", "nothing may follow"),
        ("/s {\n identity\n}", "identity needs 1 argument"),
        ("/s {\n tls a b\n}", "tls is for dnstap listen"),
        ("listen /s {\n tls a b\n}", "not served with TLS"),
        ("listen tls://:1", "needs tls CERT KEY"),
        ("listen tls://:1 {\n tls no such\n}", "cannot use certificate and key"),
        (f"listen tls://:1 {{\n tls {FILES} /no/such\n}}", "cannot use the authorities"),
        ("/s {\n nonsense\n}", "no option nonsense"),
    ],
)
def test_mistakes_are_named(text: str, complaint: str) -> None:
    with pytest.raises(ConfigErrors, match=complaint):
        settings(text)
