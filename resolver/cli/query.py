"""``resolver query NAME [TYPE]``: ask a server, or with ``-conf`` a configuration that nobody has started."""

from __future__ import annotations

import argparse
import ipaddress
import os
import secrets

from resolver.config.load import load
from resolver.errors import ResolverError, WireError
from resolver.runtime.inprocess import Asked, ask
from resolver.runtime.loops import run as run_loop
from resolver.wire.constants import CLASS_NUMBERS, TYPE_NUMBERS
from resolver.wire.names import from_text

_TIMEOUT = 5.0  # seconds


def run(arguments: list[str]) -> int:
    """Print the answer; 0 where there is one, whatever its rcode, and 1 where there is none."""
    flags = _parser().parse_intermixed_args(arguments)
    server = flags.server
    words = [word for word in flags.words if not word.startswith("@")]
    for word in flags.words:
        if word.startswith("@"):
            server = word[1:]
    name, rtype, rclass = _question(words)
    if flags.conf is None:
        return _ask_server(server, name, rtype, rclass, flags)
    config = load(flags.conf, environ=os.environ)
    asked = Asked(from_text(name), rtype, rclass, flags.client, "tcp" if flags.tcp else "udp", flags.do)

    async def main() -> int:
        answer = await ask(config, asked, port=flags.port)
        print(_shown(answer.octets))
        print(f";; server block {answer.site.zone} of {answer.site.server or 'none'}", end="")
        print(f", answered by {answer.source or 'nobody'}", end="")
        print(f", upstream {answer.upstream}" if answer.upstream else "")
        if answer.error:
            print(f";; {answer.error}")
        return 0

    return run_loop(main)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="resolver query", description="Ask a question and print the answer.")
    parser.add_argument(
        "words", nargs="+", metavar="NAME [TYPE] [CLASS] [@SERVER]", help="type A and class IN by default"
    )
    parser.add_argument("--server", default="127.0.0.1", metavar="ADDRESS", help="whom to ask (default: 127.0.0.1)")
    parser.add_argument("-p", "--port", type=int, default=53, metavar="PORT", help="the server's port (default: 53)")
    parser.add_argument("-conf", "--conf", metavar="FILE", help="ask this configuration in this process instead")
    parser.add_argument("--client", default="127.0.0.1", metavar="ADDRESS", help="with -conf: who seems to ask")
    parser.add_argument("--tcp", action="store_true", help="ask over TCP")
    parser.add_argument("--do", action="store_true", help="ask for DNSSEC records")
    return parser


def _question(words: list[str]) -> tuple[str, int, int]:
    if not 1 <= len(words) <= 3:
        raise ResolverError("give one name, then perhaps a type and a class")
    name, kinds = words[0], [word.upper() for word in words[1:]]
    try:
        from_text(name)
    except WireError as error:
        raise ResolverError(str(error)) from None
    rtype = _number(kinds[0], TYPE_NUMBERS, "TYPE") if kinds else TYPE_NUMBERS["A"]
    rclass = _number(kinds[1], CLASS_NUMBERS, "CLASS") if len(kinds) > 1 else CLASS_NUMBERS["IN"]
    return name, rtype, rclass


def _number(word: str, known: dict[str, int], prefix: str) -> int:
    """The number of a type or class; RFC 3597 section 5 writes those without a name as TYPE65280."""
    if word in known:
        return known[word]
    digits = word.removeprefix(prefix)
    if digits.isascii() and digits.isdigit() and int(digits) <= 0xFFFF:
        return int(digits)
    raise ResolverError(f"{prefix.lower()} {word} is not known")


def _ask_server(server: str, name: str, rtype: int, rclass: int, flags: argparse.Namespace) -> int:
    import dns.exception
    import dns.message
    import dns.query
    import dns.rdataclass
    import dns.rdatatype

    try:
        ipaddress.ip_address(server)
    except ValueError:
        raise ResolverError(f"server {server} is no IP address") from None
    query = dns.message.make_query(
        name,
        dns.rdatatype.RdataType.make(rtype),
        dns.rdataclass.RdataClass.make(rclass),
        want_dnssec=flags.do,
        id=secrets.randbits(16),
    )
    try:
        if flags.tcp:
            answer = dns.query.tcp(query, server, _TIMEOUT, flags.port)
        else:
            answer, _ = dns.query.udp_with_fallback(query, server, _TIMEOUT, flags.port)
    except (OSError, dns.exception.DNSException) as error:
        raise ResolverError(
            f"no answer from {server} port {flags.port}: {str(error) or type(error).__name__}"
        ) from None
    print(answer.to_text())
    print(f";; server {server} port {flags.port}, {answer.time * 1000:.1f} ms")
    return 0


def _shown(octets: bytes) -> str:
    import dns.message

    return dns.message.from_wire(octets).to_text()
