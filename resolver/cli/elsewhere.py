"""``--elsewhere`` and ``--env``: a configuration that another machine will serve, most often a Pod."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from resolver.chain.capabilities import Checking, offering
from resolver.chain.elsewhere import Elsewhere
from resolver.config.load import load
from resolver.config.problems import Problems
from resolver.errors import ConfigError, ConfigErrors
from resolver.runtime.plan import Plan, assemble
from resolver.runtime.throwaway import throwaway_host


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The two options."""
    parser.add_argument(
        "--elsewhere",
        action="store_true",
        help="another machine will serve it: files outside of its folder, variables and interfaces may be lacking here",
    )
    parser.add_argument(
        "--env",
        type=_variable,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a variable of the environment; may be repeated",
    )


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text} is no variable such as NODE_NAME=worker-1")
    return name, value


def environment(flags: argparse.Namespace) -> Mapping[str, str]:
    """That of this process, and what ``--env`` says."""
    return {**os.environ, **dict(flags.env)}


def assembled(path: str, port: int, flags: argparse.Namespace) -> tuple[Plan, Elsewhere]:
    """The plan of a configuration, made to be looked at, and what was not here for it: nothing without ``--elsewhere``.

    Raises ConfigError or ConfigErrors.
    """
    environ, elsewhere = environment(flags), Elsewhere(_folder(path))
    host = throwaway_host()
    host.environ, host.elsewhere = environ, elsewhere if flags.elsewhere else None
    return assemble(load(path, environ=environ), host, port), elsewhere


async def _mistakes(plan: Plan) -> list[ConfigError]:
    return [mistake for part in offering(plan.parts, Checking) for mistake in await part.mistakes()]


def look_into_files(plan: Plan, elsewhere: Elsewhere | None) -> None:
    """Read what parts would read when they start. Raises ConfigErrors."""
    problems = Problems()
    for mistake in asyncio.run(_mistakes(plan)):
        if elsewhere is None or not elsewhere.excuses(mistake):
            problems.add(mistake)
    problems.raise_any()


def may_be_right(path: str, error: ConfigError | ConfigErrors) -> bool:
    """Whether any of the mistakes may be none on another machine."""
    found = error.errors if isinstance(error, ConfigErrors) else (error,)
    elsewhere = Elsewhere(_folder(path))
    return any(elsewhere.excuses(one) for one in found)


def said(problems: Problems) -> list[str]:
    """Notes as lines: place, directive, what is not here."""
    return [_said(one) for one in problems.all()]


def _said(note: ConfigError) -> str:
    where = f"{note.at}: " if note.at else ""
    about = f"{note.directive}: " if note.directive not in note.message else ""
    return f"{where}{about}{note.message}"


def _folder(path: str) -> Path:
    return Path(path).resolve().parent
