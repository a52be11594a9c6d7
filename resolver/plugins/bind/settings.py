"""From words to addresses. Interfaces are looked up when the configuration is read."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping

from resolver.config.cursor import args, each, option_values
from resolver.config.model import Directive, Word
from resolver.config.nearest import nearest
from resolver.plugins.bind.interfaces import interface_addresses

_INTERFACE = re.compile(r"[A-Za-z][A-Za-z0-9_.@-]{0,14}")  # IFNAMSIZ of Linux, and no address begins like that

Lookup = Callable[[], Mapping[str, tuple[str, ...]]]


def parse(directive: Directive, lookup: Lookup = interface_addresses) -> tuple[str, ...]:
    """The addresses of one ``bind`` line. Raises ConfigError or ConfigErrors, also where none is left."""
    interfaces = lookup()

    def addresses(word: Word) -> tuple[str, ...]:
        return _addresses(word, interfaces)

    wanted = [address for word in args(directive, 1) for address in addresses(word)]
    values = option_values(directive, {"except": each(addresses)}, lists=("except",))
    excepted = {address for group in values.get("except", ()) for address in group}
    left = tuple(dict.fromkeys(address for address in wanted if address not in excepted))
    if not left:
        raise directive.error("no address is left to bind to")
    return left


def _addresses(word: Word, interfaces: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if word.text in interfaces:
        return interfaces[word.text]
    try:
        address = ipaddress.ip_address(word.text)
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return (str(mapped or address),)
    except ValueError:
        hint = nearest(word.text, interfaces)
        mistake = word.error(f"{word.text} is neither an IP address nor an interface of this machine", hint)
        mistake.absent = mistake.absent or bool(_INTERFACE.fullmatch(word.text))
        raise mistake from None
