"""``tls CERT KEY [CA] { client_auth MODE; keylog FILE }`` as a value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from resolver.config.cursor import args, choice, no_block, one_arg, option_values, text, value
from resolver.config.model import Directive

NO_CERTIFICATE = "nocert"
_MODES: Final = (NO_CERTIFICATE, "request", "require", "verify_if_given", "require_and_verify")


@dataclass(frozen=True, slots=True)
class Settings:
    """Files with the certificate chain, its key and the authorities that clients' certificates come from."""

    certificate: Path
    key: Path
    authority: Path | None = None
    client_auth: str = NO_CERTIFICATE
    keylog: Path | None = None


def parse(directive: Directive, root: Path) -> Settings:
    """Read the directive; ``root`` is where relative paths start. Raises ConfigError or ConfigErrors."""
    if not directive.args and directive.block is not None:
        raise directive.error("certificates by ACME are not built into this version", "name the files: tls CERT KEY")
    words = args(directive, 2, 3)
    paths = [root / text(word) for word in words]
    readers = {"client_auth": value(choice, _MODES), "keylog": lambda option: _path(option, root)}
    values = option_values(directive, readers)
    mode = values.get("client_auth", NO_CERTIFICATE)
    if mode in ("request", "require"):
        line = next(option for option in directive.options if option.name.text == "client_auth")
        hint = "verify_if_given or require_and_verify, with CA"
        raise line.args[0].error(f"client_auth {mode} would take any certificate for good", hint)
    authority = paths[2] if len(paths) == 3 else None
    return Settings(paths[0], paths[1], authority, **values)


def _path(option: Directive, root: Path) -> Path:
    no_block(option)
    return root / text(one_arg(option))
