"""``resolver convert FILE``: the other syntax on standard output."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from resolver.config.convert import convert
from resolver.config.report import render
from resolver.errors import ConfigError, ConfigErrors, ResolverError


def run(arguments: list[str]) -> int:
    """Convert by the ending of the file's name: .yaml and .yml to a Corefile, everything else to YAML."""
    parser = argparse.ArgumentParser(
        prog="resolver convert", description="Write a Corefile as YAML, or YAML as a Corefile; comments are kept."
    )
    parser.add_argument("file", metavar="FILE", help="a Corefile, or YAML where it ends in .yaml or .yml")
    parser.add_argument("-o", "--output", metavar="FILE", help="write there instead of to standard output")
    flags = parser.parse_args(arguments)
    try:
        converted = convert(_read(flags.file), flags.file)
    except (ConfigError, ConfigErrors) as error:
        print(render(error), end="", file=sys.stderr)
        return 1
    if flags.output is None:
        sys.stdout.write(converted)
        return 0
    try:
        Path(flags.output).write_text(converted, encoding="utf-8")
    except OSError as error:
        raise ResolverError(f"cannot write {flags.output}: {error.strerror or error}") from None
    return 0


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ResolverError(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise ResolverError(f"cannot read {path}: {error.strerror or error}") from None
