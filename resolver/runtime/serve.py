"""Starting to serve: one process or several, the pid file, and what is said at the start."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from resolver import __version__
from resolver.config.model import Config
from resolver.errors import ResolverError
from resolver.runtime.garbage import paused
from resolver.runtime.life import Life
from resolver.runtime.loops import run
from resolver.runtime.options import Options
from resolver.runtime.plan import MAX_WORKERS, Plan, assemble, wanted_workers
from resolver.runtime.throwaway import throwaway_host

_SHOWN_ZONES = 50


def serve(options: Options) -> int:
    """Serve until told to stop; the exit code. Raises ResolverError where serving cannot begin."""
    _allow_many_files()
    with ExitStack() as stack:

        async def main() -> int:
            return await _life(options).run(begun)

        def begun(plan: Plan) -> None:
            if options.pidfile is not None:  # not before, as it may be that of another server that holds the ports
                stack.callback(_write_pid(Path(options.pidfile)))
            _announce(options, plan)

        return run(main)


def _allow_many_files() -> None:
    """As many connections as the system grants: what a shell sets as a default is often not enough."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # some systems grant less than they say
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _life(options: Options) -> Life:
    first, workers = None, options.workers
    if not workers:
        with paused():
            first = options.read()
            workers = _wanted_workers(options, first)
    life = _life_of(options, workers)
    life.first = first
    return life


def _life_of(options: Options, workers: int) -> Life:
    if workers == 1:
        from resolver.runtime.process import Process

        return Process(options)
    from resolver.runtime.supervisor import Supervisor

    if workers > MAX_WORKERS:
        options.log.warning(f"{workers} workers are asked for, {MAX_WORKERS} are the most that are started")
    return Supervisor(options, min(workers, MAX_WORKERS))


def _wanted_workers(options: Options, config: Config) -> int:
    if not any(directive.name.text == "multisocket" for block in config.blocks for directive in block.directives):
        return 1
    host = throwaway_host(options.log)
    return wanted_workers(assemble(config, host, options.port))


def _announce(options: Options, plan: Plan) -> None:
    if options.quiet:
        return
    zones = [
        f"{f'{endpoint.scheme}://' if endpoint.scheme != 'dns' else ''}"
        f"{site.zone if site.zone == '.' else site.zone.rstrip('.')}:{endpoint.port}"
        f"{f' on {endpoint.host}' if endpoint.host else ''}"
        for endpoint, service in plan.services.items()
        for site in service.router.sites()
    ]
    if len(zones) > _SHOWN_ZONES:
        zones[_SHOWN_ZONES:] = [f"... and {len(zones) - _SHOWN_ZONES} more zones"]
    sys.stdout.write("\n".join([*zones, f"k8s-resolver {__version__}\n"]))
    sys.stdout.flush()


def _write_pid(path: Path) -> Callable[[], None]:
    """Write our process ID; what takes the file away again, unless somebody else has written theirs meanwhile."""
    ours = f"{os.getpid()}\n"
    try:
        path.write_text(ours)
    except OSError as error:
        raise ResolverError(f"cannot write pid file {path}: {error.strerror or error}") from None

    def remove() -> None:
        with suppress(OSError, UnicodeDecodeError):
            if path.read_text() == ours:
                path.unlink()

    return remove
