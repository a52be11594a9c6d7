"""``proxyproto { allow; default; udp_session_tracking }`` as a value."""

from __future__ import annotations

from dataclasses import dataclass

from resolver.chain.proxied import IGNORE, POLICIES, USE
from resolver.chain.setup import Block
from resolver.config.cursor import args, choice, cidr, duration, integer, no_args, no_block, one_arg, option_values
from resolver.config.kinds import Network
from resolver.config.model import Directive, Word
from resolver.config.zones import server_addresses

MOST_SESSIONS = 1_000_000
_USUAL_SESSIONS = 10_240
_LONGEST_TRACK = 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class Settings:
    """Whose headers count: those of ``allow``, and of all others as ``default`` says. ``track`` is in seconds."""

    allow: tuple[Network, ...] = ()
    default: str = USE
    track: float = 0.0
    sessions: int = _USUAL_SESSIONS


def parse(directive: Directive, block: Block) -> Settings:
    """Read the directive. Raises ConfigError or ConfigErrors."""
    no_args(directive)
    for address in server_addresses(block.keys):
        if address.scheme not in ("dns", "tls", "https", "grpc"):
            raise directive.error(f"proxyproto is not built for {address.scheme}:// server blocks")
    readers = {"allow": _networks, "default": _default, "udp_session_tracking": _tracking}
    values = option_values(directive, readers, lists=("allow",))
    allow = values.get("allow", ())
    track, sessions = values.get("udp_session_tracking", (0.0, _USUAL_SESSIONS))
    return Settings(allow, values.get("default", IGNORE if allow else USE), track, sessions)


def _networks(option: Directive) -> tuple[Network, ...]:
    no_block(option)
    return tuple(cidr(word) for word in args(option, 1))


def _default(option: Directive) -> str:
    no_block(option)
    word = one_arg(option)
    return choice(Word(word.text.lower(), word.at, word.quoted, word.width, word.note), POLICIES)


def _tracking(option: Directive) -> tuple[float, int]:
    no_block(option)
    words = args(option, 1, 2)
    sessions = integer(words[1], 1, MOST_SESSIONS) if len(words) > 1 else _USUAL_SESSIONS
    return duration(words[0], high=_LONGEST_TRACK), sessions
