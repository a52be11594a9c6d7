"""``cookies { secret FILE; require; except NETWORK... }`` as values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from resolver.chain.networks import NetworkSet
from resolver.config.cursor import cidr, each, flag, no_args, no_block, one_arg, option_values
from resolver.config.model import Directive
from resolver.plugins.cookies.secret import read_secrets


@dataclass(frozen=True, slots=True)
class Settings:
    """``secret`` is a file of secrets, None for one that is drawn. ``excepted`` need no cookie where others do."""

    secret: Path | None = None
    require: bool = False
    excepted: NetworkSet | None = None


def parse(directive: Directive, root: Path) -> Settings:
    """Read the directive. Raises ConfigError or ConfigErrors."""
    no_args(directive)
    readers: dict[str, Callable[[Directive], object]] = {
        "secret": partial(_secret, root=root),
        "require": flag,
        "except": each(cidr),
    }
    values = option_values(directive, readers, lists=("except",))
    networks = values.pop("except", None)
    if networks is not None and "require" not in values:
        line = next(option for option in directive.options if option.name.text == "except")
        raise line.error("except has an effect with require alone")
    return Settings(excepted=None if networks is None else NetworkSet(networks), **values)


def _secret(option: Directive, root: Path) -> Path:
    no_block(option)
    word = one_arg(option)
    path = root / word.text
    try:
        read_secrets(path)
    except (OSError, ValueError) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise word.error(f"{word.text}: {reason}", "a line for each secret: 32 hexadecimal digits") from None
    return path
