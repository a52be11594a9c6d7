"""What a ``forward`` line says about certificates, keys and what travels in the clear."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from resolver.chain.elsewhere import Elsewhere
from resolver.config.cursor import args, choice, each, flag, value
from resolver.config.model import Directive, Word
from resolver.errors import UpstreamError
from resolver.upstream.address import ENCRYPTED
from resolver.upstream.targets import HTTP, NameServerFile, Target
from resolver.upstream.tls import TlsFiles, TlsSettings, client_context, read_files

METHODS: Final = ("GET", "POST")
LISTS: Final = ("tls_pin",)
_PIN: Final = "sha256/"
_DIGEST: Final = 32

# Option, what it needs in words, and the schemes of which one must be there.
_ONLY_FOR: Final = (
    ("tls", "tls://", ENCRYPTED),
    ("tls_servername", "tls://", ENCRYPTED),
    ("tls_pin", "tls://", ENCRYPTED),
    ("padding", "tls://", ENCRYPTED),
    ("doh_method", "https://", HTTP),
)


def readers(root: Path, elsewhere: Elsewhere | None) -> dict[str, Callable[[Directive], Any]]:
    """How each option is read, by its name."""
    return {
        "tls": lambda option: _tls(option, root, elsewhere),
        "tls_pin": each(_pin),
        "tls_pin_only": flag,
        "padding": value(choice, ("on", "off")),
        "mixed": flag,
        "doh_method": value(choice, METHODS),
    }


def settings(values: dict[str, Any]) -> TlsSettings:
    """What the options come to."""
    return TlsSettings(
        values.get("tls", TlsFiles()),
        frozenset(values.get("tls_pin", ())),
        values.get("tls_pin_only", False),
        values.get("padding", "on") == "on",
    )


def check(directive: Directive, words: Sequence[Word], targets: Sequence[Target], values: dict[str, Any]) -> None:
    """Refuse what would send queries in the clear that others send encrypted. Raises ConfigError."""
    if values.get("tls_pin_only") and not values.get("tls_pin"):
        raise directive.error("tls_pin_only needs tls_pin", "without a pin nobody could be trusted")
    plain = [word for word, target in zip(words, targets, strict=False) if scheme_of(target) == "dns"]
    if plain and len(plain) < len(targets) and not values.get("mixed"):
        raise plain[0].error(
            f"{plain[0].text} is asked in the clear while other upstreams of the line are encrypted",
            "whoever can disturb those could make queries readable; write mixed where that is wanted",
        )


def warnings(zone: Word, targets: Sequence[Target], values: dict[str, Any]) -> list[str]:
    """Options without effect, in words."""
    schemes = {scheme_of(target) for target in targets}
    found = [
        f"{zone.at}: {option} has no effect, because no upstream is reached over {wanted}"
        for option, wanted, needed in _ONLY_FOR
        if option in values and schemes.isdisjoint(needed)
    ]
    if "mixed" in values and not ("dns" in schemes and len(schemes) > 1):
        found.append(f"{zone.at}: mixed has no effect, because all upstreams are of one kind")
    return found


def scheme_of(target: Target) -> str:
    """How the upstreams behind a target are spoken to."""
    return "dns" if isinstance(target, NameServerFile) else target.scheme


def _pin(word: Word) -> bytes:
    try:
        digest = b64decode(word.text.removeprefix(_PIN), validate=True)
    except (Base64Error, ValueError):
        digest = b""
    if not word.text.startswith(_PIN) or len(digest) != _DIGEST:
        raise word.error(f"{word.text} is not a pin", "write it like sha256/ and the key's SHA-256 in Base64")
    return digest


def _tls(option: Directive, root: Path, elsewhere: Elsewhere | None) -> TlsFiles:
    words = args(option, 0, 3)
    paths: list[Path | None] = [root / word.text for word in words]
    if len(paths) < 2:
        paths = [None, None, *paths]
    certificate, key, authority = (*paths, None)[:3]
    try:
        files = read_files(certificate, key, authority)
        if words:
            client_context(files)
    except UpstreamError as error:
        mistake = option.error(str(error))
        if elsewhere is None or not elsewhere.excuses(mistake, error):
            raise mistake from None
        return TlsFiles(certificate, key, authority)
    return files
