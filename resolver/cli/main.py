"""``resolver``: serve by default."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from resolver import __version__
from resolver.errors import ResolverError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(prog="resolver")
    parser.add_argument("-conf", "--conf")
    parser.add_argument("-dns.port", "--dns.port", dest="port", type=int, default=53)
    parser.add_argument("-version", "--version", action="version", version=f"resolver {__version__}")
    options = parser.parse_args(argv)
    from resolver.runtime.process import Options, serve

    try:
        return serve(Options(options.conf, port=options.port))
    except ResolverError as error:
        print(error, file=sys.stderr)
        return 1
