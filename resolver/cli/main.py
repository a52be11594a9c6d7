"""``resolver``: serve by default."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from resolver import __version__
from resolver.errors import ResolverError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments[:1] == ["worker"]:
            return _worker(arguments[1:])
        return _serve(arguments)
    except ResolverError as error:
        print(error, file=sys.stderr)
        return 1


def _worker(arguments: list[str]) -> int:
    from resolver.runtime.worker import work
    from resolver.telemetry.log import Log

    fd, number, port, form, level = arguments
    return work(int(fd), int(number), Log(form=form, level=level), int(port))


def _serve(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="resolver")
    parser.add_argument("-conf", "--conf")
    parser.add_argument("-dns.port", "--dns.port", dest="port", type=int, default=53)
    parser.add_argument("--workers", "-workers", type=int, default=0)
    parser.add_argument("-version", "--version", action="version", version=f"resolver {__version__}")
    options = parser.parse_args(arguments)
    from resolver.runtime.options import Options
    from resolver.runtime.serve import serve

    return serve(Options(options.conf, port=options.port, workers=options.workers))
