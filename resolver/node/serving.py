"""Serving in the node-local mode: set up, serve, take away."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from resolver.node.beside import Beside
from resolver.node.corefile import Corefile
from resolver.node.keeper import keeper_of
from resolver.node.lease import LINK, Leases
from resolver.node.link import Link, LinkFailure
from resolver.node.metrics import NodeMetrics
from resolver.node.settings import NodeSettings
from resolver.node.work import prepare
from resolver.runtime.options import Options
from resolver.runtime.serve import serve as serve_dns
from resolver.telemetry.log import Log


def serve(settings: NodeSettings, options: Options, environ: Mapping[str, str]) -> int:
    """Set up what the settings ask for, serve until told to stop, take it all away; the exit code.

    Raises ResolverError where that cannot begin.
    """
    log = options.log
    metrics = NodeMetrics()
    corefile = Corefile(settings, environ, metrics, log)
    corefile.begin()
    link = Link(settings.interface, settings.local, log)
    leases = Leases(settings.interface, log)
    leases.hold(LINK)
    keeper = None
    try:
        firewall = asyncio.run(prepare(settings, link, leases, log, lasting=settings.skip_teardown))
        if firewall is not None or settings.setup_interface:
            keeper = keeper_of(settings, link, firewall, leases, metrics, log)
        return serve_dns(replace(options, companion=Beside(settings, keeper, corefile, metrics, log)))
    finally:
        if not settings.skip_teardown:
            asyncio.run(_leave(settings, link, leases, log))


async def _leave(settings: NodeSettings, link: Link, leases: Leases, log: Log) -> None:
    """The server has ended: take the link away, unless another instance needs it."""
    async with leases.lock():
        leases.release(LINK)
        if settings.setup_interface and not leases.others(LINK):
            try:
                await link.remove()
            except LinkFailure as error:
                log.error(str(error))
