"""``resolver check FILE``: all mistakes at once, each with its place; files are read, nothing else is opened."""

from __future__ import annotations

import argparse
import sys

from resolver.cli import elsewhere
from resolver.config.report import render
from resolver.errors import ConfigError, ConfigErrors, ResolverError
from resolver.runtime.plan import Plan


def run(arguments: list[str]) -> int:
    """Check each file; 1 where any has a mistake."""
    parser = argparse.ArgumentParser(prog="resolver check", description="Find the mistakes in configurations.")
    parser.add_argument("files", nargs="+", metavar="FILE", help="a Corefile or a YAML file")
    elsewhere.add_flags(parser)
    parser.add_argument("-dns.port", "--dns.port", dest="port", type=int, default=53, metavar="PORT")
    flags = parser.parse_args(arguments)
    return max(_check(path, flags) for path in flags.files)


def _check(path: str, flags: argparse.Namespace) -> int:
    try:
        plan, lacking = elsewhere.assembled(path, flags.port, flags)
        elsewhere.look_into_files(plan, lacking if flags.elsewhere else None)
    except (ConfigError, ConfigErrors) as error:
        _complain(path, error, strict=not flags.elsewhere)
        return 1
    except ResolverError as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    for warning in plan.warnings():
        print(f"warning: {render(warning)}", end="", file=sys.stderr)
    skipped = elsewhere.said(lacking.skipped)
    for note in elsewhere.said(lacking.notes):
        rest = "; the directive is not checked" if note in skipped else ""
        print(f"note: {note}{rest}", file=sys.stderr)
    print(f"{path}: ok, {_summary(plan)}")
    return 0


def _complain(path: str, error: ConfigError | ConfigErrors, *, strict: bool) -> None:
    print(render(error), end="", file=sys.stderr)
    count = len(error.errors) if isinstance(error, ConfigErrors) else 1
    print(f"{path}: {_counted(count, 'mistake')}", file=sys.stderr)
    if strict and elsewhere.may_be_right(path, error):
        print(f"{path}: where another machine will serve it, say --elsewhere", file=sys.stderr)


def _summary(plan: Plan) -> str:
    zones = sum(len(service.router) for service in plan.services.values())
    return f"{_counted(len(plan.blocks), 'server block')}, {_counted(zones, 'zone')}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
