"""``resolver check FILE``: all mistakes at once, each with its place; nothing is opened or started."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from resolver.chain.capabilities import Checking, offering
from resolver.config.load import load
from resolver.config.problems import Problems
from resolver.config.report import render
from resolver.errors import ConfigError, ConfigErrors, ResolverError
from resolver.runtime.plan import Plan, assemble
from resolver.runtime.throwaway import throwaway_host


def run(arguments: list[str]) -> int:
    """Check each file; 1 where any has a mistake."""
    parser = argparse.ArgumentParser(prog="resolver check", description="Find the mistakes in configurations.")
    parser.add_argument("files", nargs="+", metavar="FILE", help="a Corefile or a YAML file")
    parser.add_argument("-dns.port", "--dns.port", dest="port", type=int, default=53, metavar="PORT")
    flags = parser.parse_args(arguments)
    return max(_check(path, flags.port) for path in flags.files)


def _check(path: str, port: int) -> int:
    try:
        plan = assemble(load(path, environ=os.environ), throwaway_host(), port)
        asyncio.run(_look_into_files(plan))
    except (ConfigError, ConfigErrors) as error:
        print(render(error), end="", file=sys.stderr)
        count = len(error.errors) if isinstance(error, ConfigErrors) else 1
        print(f"{path}: {_counted(count, 'mistake')}", file=sys.stderr)
        return 1
    except ResolverError as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    print(f"{path}: ok, {_summary(plan)}")
    return 0


async def _look_into_files(plan: Plan) -> None:
    """Read what parts would read when they start. Raises ConfigErrors."""
    problems = Problems()
    for part in offering(plan.parts, Checking):
        for mistake in await part.mistakes():
            problems.add(mistake)
    problems.raise_any()


def _summary(plan: Plan) -> str:
    zones = sum(len(service.router) for service in plan.services.values())
    return f"{_counted(len(plan.blocks), 'server block')}, {_counted(zones, 'zone')}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
