"""The ConfigMap of kube-dns as it is mounted: ``stubDomains`` and ``upstreamNameservers``, both JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from resolver.config.nearest import shown
from resolver.errors import ResolverError, WireError
from resolver.node.settings import Address, joined
from resolver.wire.names import from_text

MAX_FILE: Final = 1 << 20  # octets, as much as a ConfigMap may hold
MAX_STUB_DOMAINS: Final = 1000
MAX_STUB_SERVERS: Final = 15
MAX_UPSTREAMS: Final = 3  # what kube-dns takes
_KEYS: Final = ("stubDomains", "upstreamNameservers")


@dataclass(frozen=True, slots=True)
class KubeDns:
    """Servers by stub domain, and those for all other names; ``unused`` are keys that mean nothing here."""

    stub_domains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    upstream: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


def read(folder: str) -> dict[str, str]:
    """The files of a mounted ConfigMap, all of one version. Raises ResolverError.

    Kubernetes changes the whole folder at once by a link called ``..data``, which is therefore followed first.
    """
    try:
        now = (Path(folder) / "..data").resolve()
        root = now if now.is_dir() else Path(folder)
        return {path.name: _text(path) for path in sorted(root.iterdir()) if _counts(path)}
    except OSError as error:
        raise ResolverError(f"cannot read the kube-dns ConfigMap in {folder}: {error.strerror or error}") from None


def parse(files: Mapping[str, str]) -> KubeDns:
    """What the files say. Raises ResolverError for the first mistake."""
    domains = _json(files, "stubDomains", dict, "an object of lists of addresses")
    servers = _json(files, "upstreamNameservers", list, "a list of addresses")
    if len(domains) > MAX_STUB_DOMAINS:
        raise ResolverError(f"stubDomains: {len(domains)} domains, at most {MAX_STUB_DOMAINS}")
    if len(servers) > MAX_UPSTREAMS:
        raise ResolverError(f"upstreamNameservers: {len(servers)} servers, at most {MAX_UPSTREAMS}")
    stubs = {_domain(name): _servers(f"stubDomains: {name}", listed) for name, listed in sorted(domains.items())}
    upstream = _servers("upstreamNameservers", servers) if servers else ()
    return KubeDns(stubs, upstream, tuple(name for name in files if name not in _KEYS))


def stub_blocks(found: KubeDns, local: tuple[Address, ...], port: int) -> str:
    """Server blocks for the stub domains, in the order of their names."""
    head = f"    errors\n    cache 30\n    bind {joined(local)}\n"
    return "".join(
        f"{domain}:{port} {{\n{head}    forward . {' '.join(servers)}\n}}\n"
        for domain, servers in found.stub_domains.items()
    )


def _counts(path: Path) -> bool:
    return not path.name.startswith(".") and path.is_file()


def _text(path: Path) -> str:
    with path.open("rb") as file:
        octets = file.read(MAX_FILE + 1)
    if len(octets) > MAX_FILE:
        raise ResolverError(f"{path}: larger than {MAX_FILE} octets")
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise ResolverError(f"{path}: not UTF-8") from None


def _json(files: Mapping[str, str], key: str, kind: type, wanted: str) -> Any:
    text = files.get(key, "")
    if not text.strip():
        return kind()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "nested too deeply"
        raise ResolverError(f"{key} is not JSON: {reason}") from None
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise ResolverError(f"{key} is not {wanted}: {shown(text)}")
    return value


def _domain(name: str) -> str:
    plain = name.removesuffix(".").lower()
    try:
        from_text(plain)
    except WireError as error:
        raise ResolverError(f"stubDomains: {shown(name)}: {error}") from None
    letters = plain.replace("-", "").replace("_", "").replace(".", "")
    if not (letters.isascii() and letters.isalnum()):
        raise ResolverError(f"stubDomains: {shown(name)} is not a domain")
    return plain


def _servers(where: str, listed: Any) -> tuple[str, ...]:
    if not isinstance(listed, list) or not listed:
        raise ResolverError(f"{where}: not a list of addresses: {shown(json.dumps(listed))}")
    if len(listed) > MAX_STUB_SERVERS:
        raise ResolverError(f"{where}: {len(listed)} servers, at most {MAX_STUB_SERVERS}")
    return tuple(_server(where, server) for server in listed)


def _server(where: str, server: Any) -> str:
    """An address with or without a port, perhaps over TLS, as ``forward`` takes it."""
    if not isinstance(server, str):
        raise ResolverError(f"{where}: {shown(json.dumps(server))} is not an address")
    scheme, mark, rest = server.rpartition("://")
    if mark and scheme not in ("dns", "tls"):
        raise ResolverError(f"{where}: {shown(server)}: only dns:// and tls:// servers can be asked")
    host, port = _split(rest)
    try:
        address = ip_address(host)
    except ValueError:
        raise ResolverError(f"{where}: {shown(server)} is not an IP address with or without a port") from None
    if port and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        raise ResolverError(f"{where}: {shown(server)}: {shown(port)} is not a port")
    if not port:
        return f"{scheme}{mark}{address}"
    return f"{scheme}{mark}[{address}]:{port}" if address.version == 6 else f"{scheme}{mark}{address}:{port}"


def _split(text: str) -> tuple[str, str]:
    """Host and port, which is empty where there is none; a bare IPv6 address has no port."""
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or (port and (port[0] != ":" or len(port) == 1)):
            return text, ""
        return host, port[1:]
    host, colon, port = text.rpartition(":")
    return (host, port) if colon and ":" not in host else (text, "")
