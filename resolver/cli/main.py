"""``resolver``: the first word chooses the command; without one it serves, as CoreDNS users expect."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from resolver.errors import ResolverError

# Each command is a module with ``run(arguments) -> exit code``, imported when it is asked for.
COMMANDS = {
    "serve": "serve the zones of a configuration (the default)",
    "check": "find the mistakes in a configuration",
    "convert": "write a Corefile as YAML, or YAML as a Corefile",
    "manifests": "write Kubernetes manifests for your own hosts",
    "node": "serve on a node's own addresses, as NodeLocal DNSCache does",
    "query": "ask a server, or a configuration without starting it",
    "audit": "report on what the directive audit wrote",
    "policy": "propose rules from what was asked, and explain what they decide",
    "netpol": "write the network policies that a configuration needs",
}
_INTERNAL = ("worker",)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = "serve"
    if arguments and arguments[0] in (*COMMANDS, *_INTERNAL):
        command = arguments.pop(0)
    run: Callable[[list[str]], int] = import_module(f"resolver.cli.{command}").run
    try:
        return run(arguments)
    except ResolverError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # somebody read only the first lines of what was printed
        sys.stderr.close()
        return 0
