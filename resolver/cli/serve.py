"""``resolver [serve]``: the flags that CoreDNS users type, with one dash or two."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from resolver import __version__
from resolver.cli.main import COMMANDS
from resolver.errors import ConfigError, ConfigErrors
from resolver.plugins.catalog import built
from resolver.plugins.order import ORDER
from resolver.runtime.options import Options
from resolver.runtime.plan import MAX_WORKERS
from resolver.runtime.serve import serve
from resolver.telemetry.log import Log

_CONF = "Corefile"
_DEFAULT = """. {
    errors
    cache
    forward . /etc/resolv.conf
}
"""


def run(arguments: list[str]) -> int:
    """Serve until told to stop. Raises ResolverError where that cannot begin."""
    flags = _parser().parse_args(arguments)
    if flags.version:
        print(f"k8s-resolver-{__version__}\n{platform.system().lower()}/{platform.machine()}, {_python()}")
        return 0
    if flags.plugins:
        print("Server types:\n  dns\n\nDirectives, in the order of the chain:")
        print("\n".join(f"  {name}" for name in ORDER if name in built()))
        return 0
    log = Log(form=flags.log_format)
    conf = flags.conf or (_CONF if Path(_CONF).is_file() else None)
    if conf is None and not flags.quiet:
        log.info(
            "no configuration given and no ./Corefile: forwarding to the servers of /etc/resolv.conf, with a cache"
        )
    options = Options(conf, _DEFAULT, flags.port, flags.workers, flags.pidfile, flags.quiet, log)
    try:
        return serve(options)
    except (ConfigError, ConfigErrors) as error:
        from resolver.config.report import render

        print(render(error), end="", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="resolver",
        allow_abbrev=False,
        add_help=False,
        description="A DNS forwarder and authoritative sidecar for Kubernetes, configured like CoreDNS.",
        epilog="commands: " + "; ".join(f"{name}: {text}" for name, text in COMMANDS.items()),
    )
    parser.add_argument("-h", "-help", "--help", action="help", help="show this and exit")
    parser.add_argument("-conf", "--conf", metavar="FILE", help="Corefile or YAML (default: ./Corefile if it is there)")
    parser.add_argument(
        "-dns.port", "--dns.port", "-p", dest="port", type=_number(1, 65535), default=53, metavar="PORT",
        help="the port of server blocks that name none (default: 53)",
    )  # fmt: skip
    parser.add_argument("-pidfile", "--pidfile", metavar="FILE", help="write the process ID there while serving")
    parser.add_argument("-quiet", "--quiet", action="store_true", help="say nothing about how serving begins")
    parser.add_argument("-plugins", "--plugins", action="store_true", help="list the directives and exit")
    parser.add_argument("-version", "--version", action="store_true", help="print the version and exit")
    parser.add_argument(
        "-workers", "--workers", type=_number(1, MAX_WORKERS), default=0, metavar="N",
        help="processes that share the ports (default: what multisocket asks for, else 1)",
    )  # fmt: skip
    parser.add_argument(
        "-log-format", "--log-format", choices=("text", "json"), default="text", help="the form of log lines"
    )
    return parser


def _number(low: int, high: int) -> Callable[[str], int]:
    """What argparse calls to read a number between two bounds."""

    def number(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be between {low} and {high}")
        return value

    return number


def _python() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}"
