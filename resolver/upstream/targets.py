"""What may stand as TO: addresses, files like resolv.conf, host names; and what they say at the moment."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from errno import ENOENT
from pathlib import Path
from typing import Final, TypeAlias

from resolver.config.model import Word
from resolver.errors import UpstreamError
from resolver.upstream.address import Address, is_ip
from resolver.upstream.protocols import missing_library
from resolver.upstream.system import read_resolv_conf

PORTS: Final = {"dns": 53, "tls": 853, "https": 443, "https3": 443, "quic": 853}
HTTP: Final = ("https", "https3")
DEFAULT_PATH: Final = "/dns-query"
_PATH = re.compile(r"/[!$-~]*")  # visible ASCII without double quotes and #
_ENCODED = re.compile(r"[0-9A-Fa-f]{2}")
_HOST_NAME = re.compile(
    r"(?=.{1,253}\.?$)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?"
)


@dataclass(frozen=True, slots=True)
class NameServerFile:
    """A file whose ``nameserver`` lines are upstreams; they carry no port."""

    path: Path


@dataclass(frozen=True, slots=True)
class HostName:
    """A name whose addresses are upstreams; ``place`` says where it was written, in front of errors."""

    name: str
    port: int
    scheme: str = "dns"
    server_name: str = ""
    path: str = ""
    method: str = "POST"
    place: str = field(default="", compare=False)

    def at(self, host: str) -> Address:
        """The upstream at one of the name's addresses."""
        return Address(host, self.port, self.scheme, self.server_name, self.path, self.method)


Target: TypeAlias = Address | NameServerFile | HostName


def parse_target(word: Word, root: Path) -> Target:
    """One TO; relative files are looked for below ``root``. Raises ConfigError."""
    scheme, text = _scheme(word)
    if not text:
        raise word.error(f"{word.text!r} is not an address")
    text, path, last = _path(word, text) if scheme in HTTP else (text, "", "")
    rest, server_name = _server_name(text) if scheme != "dns" else (text, "")
    if server_name and last:
        raise word.error(f"{word.text} names the server twice", "leave one of them out")
    host, port = _port(word, rest, PORTS[scheme])
    if is_ip(host):
        return Address(host, port, scheme, server_name or last, path)
    if scheme == "dns" and (file := root / text).exists():
        return NameServerFile(file)
    if "/" in text:
        missing = FileNotFoundError(ENOENT, "no such file", str(root / text))
        raise word.error(f"{text} is not a file that exists") from missing
    if not _HOST_NAME.fullmatch(host) or host.removesuffix(".").rpartition(".")[2].isdigit():
        raise word.error(f"{text} is neither an IP address, nor a file, nor a host name")
    return HostName(host, port, scheme, server_name or last, path, place=f"{word.at}: ")


def name_servers(path: Path) -> list[Address]:
    """The addresses in the ``nameserver`` lines of a file, in order, each once. Raises UpstreamError."""
    servers = read_resolv_conf(path).servers
    if not servers:
        raise UpstreamError(f"{path} has no nameserver line")
    return [Address(server, PORTS["dns"]) for server in servers]


def _scheme(word: Word) -> tuple[str, str]:
    scheme, separator, rest = word.text.partition("://")
    if not separator:
        return "dns", word.text
    scheme = scheme.lower()
    if scheme not in PORTS:
        others = ", ".join(f"{known}://" for known in PORTS)
        raise word.error(f"{scheme}:// is not a protocol of upstreams", f"these are: {others}")
    missing = missing_library(scheme)
    if missing:
        raise word.error(f"{scheme}:// upstreams need {missing}", "pip install 'k8s-resolver[quic]'")
    return scheme, rest


def _path(word: Word, text: str) -> tuple[str, str, str]:
    """Host with port, path, and the name behind a last percent sign that does not begin an encoded octet."""
    host, slash, rest = text.partition("/")
    if not slash:
        return host, DEFAULT_PATH, ""
    path, name = slash + rest.removesuffix("{?dns}"), ""
    before, percent, behind = path.rpartition("%")
    if percent and not _ENCODED.match(behind):
        path, name = before, behind
        if not _HOST_NAME.fullmatch(name):
            raise word.error(f"{name or word.text} is not the name of a server", "write it like https://IP/PATH%NAME")
    if not _PATH.fullmatch(path):
        raise word.error(f"{path} is not a path of an URL", "without spaces, quotes and #")
    return host, path, name


def _server_name(text: str) -> tuple[str, str]:
    """Take the name out of ``ip%name``, ``ip%name:port``, ``[ip%name]:port`` and ``ip:port%name``."""
    before, percent, behind = text.rpartition("%")
    if not percent:
        return text, ""
    name, colon, port = behind.partition(":")
    if before.count(":") == 1 or "]:" in before:
        return before + colon + port, name
    if before.startswith("[") and "]" not in before:
        before += "]"
    elif ":" in before and not before.startswith("["):
        before = f"[{before}]"
    return before + colon + port, name.removesuffix("]")


def _port(word: Word, text: str, default: int) -> tuple[str, int]:
    if is_ip(text):
        return text, default
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")) or not is_ip(host):
            raise word.error(f"{text} is not an address in brackets", "write it like [2001:db8::1]:53")
        port = rest[1:] if rest else str(default)
    else:
        host, colon, port = text.rpartition(":")
        if not colon or "/" in port:
            return text, default
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise word.error(f"{port or text} is not a port", "a port is a number from 1 to 65535")
    return host, int(port)
