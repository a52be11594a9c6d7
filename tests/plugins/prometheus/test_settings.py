"""The directive: address, options, certificates."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path

import pytest

from resolver.chain.capabilities import HttpEndpoint, HttpServing
from resolver.errors import ConfigErrors
from tests.plugins.chains import World

CERTS = Path(__file__).parents[2] / "parity" / "certs"


def endpoint(line: str, root: Path = Path()) -> HttpEndpoint:
    part = World().part(f". {{\n {line}\n}}", root)
    assert isinstance(part, HttpServing)
    return part.endpoints()[0]


def mistake(line: str, root: Path = Path()) -> str:
    with pytest.raises(ConfigErrors) as caught:
        endpoint(line, root)
    return str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration's folder with certificates in ``pki``."""
    shutil.copytree(CERTS, tmp_path / "pki")
    return tmp_path


@pytest.mark.parametrize(
    ("line", "host", "port"),
    [
        ("prometheus", "localhost", 9153),
        ("prometheus :9253", "", 9253),
        ("prometheus 127.0.0.1:9253 {\n}", "127.0.0.1", 9253),
        ("prometheus [::1]:9253 {\n runtime_metrics\n}", "::1", 9253),
    ],
)
def test_where_it_is_served(line: str, host: str, port: int) -> None:
    found = endpoint(line)
    assert (found.host, found.port, found.path, found.tls) == (host, port, "/metrics", None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("prometheus localhost", ":2:13: localhost has no port"),
        ("prometheus 1:1 2:2", ":2:17: prometheus takes at most 1 argument, not 2"),
        ("prometheus {\n runtime_metrics all\n}", ":3:18: runtime_metrics takes no arguments, not 1"),
        ("prometheus {\n runtime\n}", ":3:2: prometheus has no option runtime"),
        ("prometheus {\n tls\n}", ":3:2: tls needs 1 to 3 arguments"),
        ("prometheus {\n tls a b\n tls a b\n}", ":4:2: tls is already given in line 3"),
        ("prometheus\n prometheus", ":3:2: prometheus may stand only once in a server block"),
    ],
)
def test_mistakes_are_shown_where_they_are(line: str, message: str) -> None:
    assert message in mistake(line)


# --- certificates


def test_certificate_and_key_can_be_given_as_paths(folder: Path) -> None:
    found = endpoint("prometheus {\n tls pki/server.pem pki/server.key\n}", folder).tls
    assert isinstance(found, ssl.SSLContext)
    assert (found.verify_mode, found.minimum_version) == (ssl.CERT_NONE, ssl.TLSVersion.TLSv1_2)


def test_with_an_authority_clients_need_a_certificate(folder: Path) -> None:
    found = endpoint("prometheus {\n tls pki/server.pem pki/server.key pki/ca.pem\n}", folder).tls
    assert found.verify_mode == ssl.CERT_REQUIRED


def test_a_web_configuration_file_names_paths_beside_itself(folder: Path) -> None:
    (folder / "pki" / "web.yml").write_text(
        "tls_server_config:\n"
        "  cert_file: server.pem\n"
        "  key_file: server.key\n"
        "  client_ca_file: ca.pem\n"
        "  client_auth_type: VerifyClientCertIfGiven\n"
        "  min_version: TLS13\n"
    )
    found = endpoint("prometheus {\n tls pki/web.yml\n}", folder).tls
    assert (found.verify_mode, found.minimum_version) == (ssl.CERT_OPTIONAL, ssl.TLSVersion.TLSv1_3)


PAIR = "cert_file: server.pem, key_file: server.key"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "is not YAML"),
        ("\xff\xff", "is not YAML"),
        ("just words", "has no tls_server_config"),
        ("basic_auth_users: {a: b}", "has no tls_server_config"),
        (f"tls_server_config: {{{PAIR}}}\nbasic_auth_users: {{}}", "basic_auth_users is not supported"),
        (f"tls_server_config: {{{PAIR}, cipher_suites: []}}", "cipher_suites is not supported"),
        ("tls_server_config: {cert_file: server.pem}", "TLS needs cert_file and key_file"),
        (f"tls_server_config: {{{PAIR}, client_auth_type: RequestClientCert}}", "client_auth_type RequestClientCert"),
        (f"tls_server_config: {{{PAIR}, client_auth_type: RequireAndVerifyClientCert}}", "without client_ca_file"),
        (f"tls_server_config: {{{PAIR}, min_version: TLS10}}", "TLS version TLS10 is not supported"),
        (f"tls_server_config: {{{PAIR}, client_auth_type: [1]}}", "client_auth_type [1] is not supported"),
        ("tls_server_config: {cert_file: server.pem, key_file: ca.pem}", "cannot use the certificate server.pem"),
        ("tls_server_config: {cert_file: gone.pem, key_file: server.key}", "cannot use the certificate gone.pem"),
        ("tls_server_config: {cert_file: [1], key_file: server.key}", "cannot use the certificate [1]"),
    ],
)
def test_a_web_configuration_that_cannot_be_followed_is_refused(folder: Path, content: str, message: str) -> None:
    (folder / "pki" / "web.yml").write_bytes(content.encode("latin-1"))
    found = mistake("prometheus {\n tls pki/web.yml\n}", folder)
    assert ":3:6: " in found
    assert message in found


def test_a_file_that_is_not_there_is_named(folder: Path) -> None:
    assert "web.yml: No such file or directory" in mistake("prometheus {\n tls web.yml\n}", folder)
    assert "cannot use the certificate a.pem" in mistake("prometheus {\n tls a.pem b.pem\n}", folder)
