"""What the system knows about names: resolv.conf(5) and hosts(5), as values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from resolver.errors import UpstreamError
from resolver.upstream.address import is_ip

MAX_FILE: Final = 1 << 20  # octets that are read
MAX_DOTS: Final = 15


@dataclass(frozen=True, slots=True)
class ResolvConf:
    """``servers`` in order, each once; ``search`` domains; names below ``dots`` dots are searched for first."""

    servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    dots: int = 1


def read_resolv_conf(path: Path) -> ResolvConf:
    """The file's settings; lines that make no sense are left out, as the system does. Raises UpstreamError."""
    servers: dict[str, None] = {}
    search: tuple[str, ...] = ()
    dots = 1
    for keyword, *values in _lines(path):
        if keyword == "nameserver" and values and is_ip(values[0]):
            servers.setdefault(values[0])
        elif keyword in ("search", "domain"):
            search = tuple(value.removesuffix(".") for value in values)
        elif keyword == "options":
            dots = next((_dots(value, dots) for value in values if value.startswith("ndots:")), dots)
    return ResolvConf(tuple(servers), search, dots)


def hosts_addresses(path: Path, name: str) -> list[str]:
    """The addresses that a hosts file gives a name; none where there is no such file."""
    wanted = name.lower().removesuffix(".")
    try:
        return [
            address
            for address, *names in _lines(path)
            if is_ip(address) and wanted in (other.lower().removesuffix(".") for other in names)
        ]
    except UpstreamError:
        return []


def candidates(name: str, conf: ResolvConf) -> list[str]:
    """The full names to ask for, in order: as it is and with each search domain, by the number of its dots."""
    if name.endswith("."):
        return [name]
    searched = [f"{name}.{domain}" for domain in conf.search]
    return [name, *searched] if name.count(".") >= conf.dots else [*searched, name]


def _dots(option: str, otherwise: int) -> int:
    digits = option.removeprefix("ndots:")
    return min(int(digits), MAX_DOTS) if digits.isascii() and digits.isdigit() and len(digits) < 6 else otherwise


def _lines(path: Path) -> Iterator[list[str]]:
    """The words of each line that is neither empty nor a comment."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE).decode("utf-8", "replace")
    except OSError as error:
        raise UpstreamError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None
    for line in text.splitlines():
        words = line.partition("#")[0].partition(";")[0].split()
        if words:
            yield words
