"""tls: the certificate of encrypted listeners."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from resolver.errors import ConfigErrors
from resolver.plugins.tls import Tls
from tests.plugins.chains import World
from tests.runtime.clients import HOST, Stream, addresses
from tests.runtime.serving import free_port, serving

CERTIFICATES = Path(__file__).parents[2] / "parity" / "certs"
FILES = f"{CERTIFICATES}/server.pem {CERTIFICATES}/server.key"


def _client(certificate: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(CERTIFICATES / "ca.pem"))
    context.set_alpn_protocols(["dot"])
    if certificate is not None:
        context.load_cert_chain(*certificate)
    return context


async def _connect(port: int, context: ssl.SSLContext) -> Stream:
    return Stream(*await asyncio.open_connection(HOST, port, ssl=context, server_hostname=HOST))


def _block(port: int, tls: str) -> str:
    return f"tls://.:{port} {{\n bind {HOST}\n {tls}\n hosts {{\n 192.0.2.1 www.example.org\n }}\n}}\n"


async def _ready(port: int, context: ssl.SSLContext) -> Stream:
    """A connection as soon as the server takes one."""
    for _ in range(500):
        try:
            return await _connect(port, context)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)
    raise AssertionError("nobody listens")


async def test_queries_are_answered_over_tls(tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, _block(port, f"tls {FILES}"), port=port):
        client = await _ready(port, _client())
        assert addresses(await client.ask("www.example.org")) == ["192.0.2.1"]
        assert addresses(await client.ask("www.example.org")) == ["192.0.2.1"]
        client.close()


async def test_a_client_without_a_certificate_is_turned_away_where_one_is_required(tmp_path: Path) -> None:
    port = free_port()
    ca = CERTIFICATES / "ca.pem"
    text = _block(port, f"tls {FILES} {ca} {{\n client_auth require_and_verify\n }}")
    async with serving(tmp_path, text, port=port):
        client = await _ready(port, _client((CERTIFICATES / "server.pem", CERTIFICATES / "server.key")))
        assert addresses(await client.ask("www.example.org")) == ["192.0.2.1"]
        client.close()
        stranger = await _connect(port, _client())  # TLS 1.3 tells the client after its side of the handshake
        with pytest.raises((ssl.SSLError, EOFError, ConnectionError)):
            await stranger.ask("www.example.org")
        stranger.close()


async def test_a_reload_with_another_certificate_keeps_open_connections(tmp_path: Path) -> None:
    port = free_port()
    for name in ("server.pem", "server.key"):
        shutil.copy(CERTIFICATES / name, tmp_path / f"other-{name}")
    other = f"tls {tmp_path}/other-server.pem {tmp_path}/other-server.key"
    async with serving(tmp_path, _block(port, f"tls {FILES}"), port=port) as server:
        client = await _ready(port, _client())
        await client.ask("www.example.org")
        await server.reload(_block(port, other))
        fresh = await _ready(port, _client())
        assert addresses(await fresh.ask("www.example.org")) == ["192.0.2.1"]
        fresh.close()
        client.close()


async def test_without_the_directive_every_connection_fails_and_the_log_says_so(tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, _block(port, ""), port=port) as server:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await _ready(port, _client())
        await server.says(f"tls://{HOST}:{port} has no tls directive")


@pytest.mark.parametrize("scheme", ["tls", "https", "quic"])
async def test_that_every_connection_fails_is_said_once_for_all_addresses(scheme: str, tmp_path: Path) -> None:
    if scheme == "quic":
        pytest.importorskip("aioquic")
    port, plain = free_port(), free_port()
    corefile = f"{scheme}://.:{port} {{\n whoami\n}}\n.:{plain} {{\n bind {HOST}\n whoami\n}}\n"
    async with serving(tmp_path, corefile, port=plain) as server:
        await server.says("has no tls directive")
        await server.says("k8s-resolver")
        assert server.said.count("has no tls directive") == 1


def _written(folder: Path, days: int) -> tuple[Path, Path]:
    """A certificate of its own authority, and its key."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"for {days} days")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = builder.not_valid_before(now).not_valid_after(now + timedelta(days)).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "tls.crt").write_bytes(made.public_bytes(pem))
    (folder / "tls.key").write_bytes(key.private_bytes(pem, *plain))
    return folder / "tls.crt", folder / "tls.key"


def _part(world: World, files: tuple[Path, Path]) -> Tls:
    part = world.part(f". {{\n tls {files[0]} {files[1]}\n}}")
    assert isinstance(part, Tls)
    return part


def _served(part: Tls) -> bytes:
    """The certificate that a new connection would be shown."""
    from_client, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname, client_context.verify_mode = False, ssl.CERT_NONE
    client = client_context.wrap_bio(to_client, from_client)
    server = part.context(("dot",)).wrap_bio(from_client, to_client, server_side=True)
    for _ in range(10):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return client.getpeercert(binary_form=True) or b""


async def test_new_files_are_used_for_new_connections(tmp_path: Path) -> None:
    world = World()
    part = _part(world, _written(tmp_path, 1))
    first = _served(part)
    _written(tmp_path, 2)
    part.refresh()
    assert _served(part) != first
    assert "has changed and is in use" in world.lines[-1]


async def test_files_that_cannot_be_used_leave_the_old_certificate_in_service(tmp_path: Path) -> None:
    world = World()
    part = _part(world, _written(tmp_path, 1))
    first = _served(part)
    (tmp_path / "tls.crt").write_text("nonsense")
    part.refresh()
    part.refresh()
    assert _served(part) == first
    assert len(world.lines) == 1
    assert "cannot be used" in world.lines[0]


EXPIRY, FAILURES = "coredns_tls_certificate_expiry_timestamp_seconds", "coredns_tls_reload_failures_total"


async def test_the_end_of_the_certificate_in_service_is_shown(tmp_path: Path) -> None:
    world = World()
    files = _written(tmp_path, 3)
    label = str(files[0])
    part, twin = _part(world, files), _part(world, files)
    await part.start()
    await twin.start()
    in_days = (world.metric(EXPIRY, label) - datetime.now(UTC).timestamp()) / 86_400
    assert 2.9 < in_days <= 3
    assert world.metric(FAILURES, label) == 0
    first = world.metric(EXPIRY, label)
    _written(tmp_path, 9)
    part.refresh()
    assert world.metric(EXPIRY, label) > first + 5 * 86_400
    await part.stop()
    assert world.metric(EXPIRY, label) > first
    await twin.stop()
    with pytest.raises(KeyError):
        world.metric(EXPIRY, label)


async def test_files_that_cannot_be_used_are_counted_and_the_end_stays(tmp_path: Path) -> None:
    world = World()
    files = _written(tmp_path, 3)
    part = _part(world, files)
    await part.start()
    before = world.metric(EXPIRY, str(files[0]))
    files[0].write_text("nonsense")
    part.refresh()
    assert world.metric(FAILURES, str(files[0])) == 1
    assert world.metric(EXPIRY, str(files[0])) == before
    await part.stop()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "tls needs"),
        ("cert.pem", "tls needs"),
        ("{\n acme example.org\n }", "ACME"),
        ("missing.pem missing.key", "cannot use the certificate"),
        (f"{FILES} {{\n client_auth maybe\n }}", "maybe is not known"),
        (f"{FILES} {{\n client_auth require\n }}", "any certificate"),
        (f"{FILES} {{\n protocols tls13\n }}", "no option"),
    ],
)
def test_what_cannot_be_served_with_is_refused(words: str, said: str) -> None:
    with pytest.raises(ConfigErrors, match=said):
        World().build(f". {{\n tls {words}\n}}\n")


@pytest.mark.parametrize(
    ("words", "word", "said"),
    [
        ("gone.crt good.key", "gone.crt", "the certificate .*gone.crt: No such file"),
        ("good.crt gone.key", "gone.key", "the key .*gone.key: No such file"),
        ("good.crt good.key gone.ca", "gone.ca", "the authorities .*gone.ca: No such file"),
        ("none.pem good.key", "none.pem", "the certificate"),
        ("good.crt none.pem", "none.pem", "the key"),
        ("good.crt other.key", "other.key", "the key .*MISMATCH"),
        ("good.crt good.key none.pem", "none.pem", "the authorities"),
    ],
)
def test_the_file_that_cannot_be_used_is_the_one_that_is_shown(
    words: str, word: str, said: str, tmp_path: Path
) -> None:
    certificate, key = _written(tmp_path, 1)
    certificate.rename(tmp_path / "good.crt")
    key.rename(tmp_path / "good.key")
    _written(tmp_path, 1)[1].rename(tmp_path / "other.key")
    (tmp_path / "none.pem").write_text("nonsense")
    line = " ".join(str(tmp_path / name) for name in words.split())
    with pytest.raises(ConfigErrors, match=said) as refused:
        World().build(f". {{\n tls {line}\n}}\n")
    (mistake,) = refused.value.errors
    assert mistake.at is not None
    assert f" tls {line}"[mistake.at.column - 1 :][: mistake.length] == str(tmp_path / word)


async def test_a_client_is_told_why_its_handshake_fails(tmp_path: Path) -> None:
    port, asked = free_port(), free_port()
    ca = CERTIFICATES / "ca.pem"
    wanting = _block(port, f"tls {FILES} {ca} {{\n client_auth require_and_verify\n }}")
    line = f"forward . tls://{HOST}:{port} {{\n tls {ca}\n tls_servername dns.test\n }}"
    corefile = f"{wanting}.:{asked} {{\n bind {HOST}\n errors\n {line}\n}}\n"
    async with serving(tmp_path, corefile, port=asked) as server:
        stream = Stream(*await asyncio.open_connection(HOST, asked))
        await stream.ask("www.example.org")
        stream.close()
        await server.says("alert certificate required")
        assert "EOF" not in server.said


async def test_a_client_without_a_cipher_of_ours_is_told_so(tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, _block(port, f"tls {FILES}"), port=port):
        (await _ready(port, _client())).close()
        context = _client()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AES128-GCM-SHA256")
        with pytest.raises(ssl.SSLError, match="ALERT_HANDSHAKE_FAILURE"):
            await _connect(port, context)
