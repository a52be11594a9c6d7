"""What can be asked for apart from serving: set up, guard, tear down."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Final

from resolver.errors import ResolverError
from resolver.node import nftables
from resolver.node.firewall import choose, clear_others, every_iptables, warn_of_drops
from resolver.node.keeper import EAGER, keeper_of, without_ipvs
from resolver.node.lease import LINK, RULES, Leases
from resolver.node.link import Link
from resolver.node.metrics import MetricsServer, NodeMetrics
from resolver.node.probe import silent
from resolver.node.rules import Firewall, FirewallError
from resolver.node.settings import NodeSettings
from resolver.telemetry.log import Log

_NET_ADMIN: Final = 12  # the number of the capability (capabilities(7))


def setup(settings: NodeSettings, wait: float, log: Log) -> int:
    """Make link and addresses and, once the server answers, the rules, which stay. Raises ResolverError."""
    link, leases = Link(settings.interface, settings.local, log), Leases(settings.interface, log)

    async def work() -> int:
        firewall = await prepare(settings, link, leases, log, lasting=True)
        if firewall is None:
            return 0
        served = without_ipvs(settings, link)
        deadline = time.monotonic() + wait
        while missing := await silent(served, settings.port, rules=False):
            if time.monotonic() >= deadline:
                raise ResolverError(
                    f"no rules: {', '.join(map(str, missing))} did not answer on port {settings.port} "
                    f"within {wait:g} seconds"
                )
            await asyncio.sleep(EAGER)
        async with leases.lock():
            await firewall.install()
        await firewall.close()
        log.info(f"{firewall.name}: rules for the local addresses are in place")
        return 0

    return asyncio.run(work())


def guard(settings: NodeSettings, log: Log) -> int:
    """Keep link and rules for a server in another process, until told to stop. Raises ResolverError."""
    link, leases = Link(settings.interface, settings.local, log), Leases(settings.interface, log)
    metrics = NodeMetrics()

    async def work() -> int:
        told = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        leases.hold(LINK)
        firewall = await prepare(settings, link, leases, log, lasting=settings.skip_teardown)
        keeper = keeper_of(settings, link, firewall, leases, metrics, log)
        http = MetricsServer(metrics, settings.metrics, log)
        await http.start()
        keeping = asyncio.create_task(keeper.run())
        ending = asyncio.create_task(told.wait())
        await asyncio.wait((keeping, ending), return_when=asyncio.FIRST_COMPLETED)
        if not settings.skip_teardown:
            await keeper.end()
        keeping.cancel()
        await asyncio.wait([keeping])
        await http.stop()
        if not keeping.cancelled() and (error := keeping.exception()) is not None:
            raise error
        return 0

    return asyncio.run(work())


def teardown(settings: NodeSettings, log: Log, *, force: bool) -> int:
    """Remove link and rules of whatever kind, those of NodeLocal DNSCache too. Raises ResolverError."""
    link, leases = Link(settings.interface, settings.local, log), Leases(settings.interface, log)

    async def work() -> int:
        _need_right()
        async with leases.lock():
            in_use = leases.others(LINK) + leases.others(RULES)
            if in_use and not force:
                raise ResolverError("an instance serves the local addresses now; end it first, or say -force")
            if nftables.offered() and nftables.remove_lasting():
                log.info("nftables: rules for the local addresses are removed")
            for each in await every_iptables():
                if await each.remove():
                    log.info("iptables: rules for the local addresses are removed")
                if count := await each.remove_foreign():
                    log.info(f"iptables: {count} rules of NodeLocal DNSCache are removed")
            await link.remove()
        return 0

    return asyncio.run(work())


async def prepare(settings: NodeSettings, link: Link, leases: Leases, log: Log, *, lasting: bool) -> Firewall | None:
    """Make the link, and choose the way of the rules; None for no rules. Raises ResolverError."""
    if settings.setup_interface or settings.setup_rules:
        _need_right()
    async with leases.lock():
        if settings.setup_interface or settings.setup_rules:
            await (link.ensure() if settings.setup_interface else link.look())
            _refuse_ipvs(link, settings)
        if not settings.setup_rules or settings.firewall == "none":
            return None
        choice = await choose(settings, without_ipvs(settings, link), lasting=lasting)
        log.info(f"rules by {choice.firewall.name}: {choice.reason}")
        warn_of_drops(choice.firewall, log)
        if not leases.others(RULES):
            try:
                await clear_others(choice.firewall, log)
            except FirewallError as error:
                log.error(str(error))
        return choice.firewall


def _refuse_ipvs(link: Link, settings: NodeSettings) -> None:
    if not link.ipvs:
        return
    if set(link.ipvs) >= set(settings.local):
        raise ResolverError(f"{_ipvs_text(link)}; -localip has to name an address of the node alone")
    link.log.warning(f"{_ipvs_text(link)}; it is left out, and kubelet's clusterDNS has to name the other address")


def _ipvs_text(link: Link) -> str:
    return (
        f"{', '.join(map(str, link.ipvs))} is on kube-ipvs0: kube-proxy runs in IPVS mode, "
        "where a Service's address cannot be served on the node"
    )


def _need_right(status: Path = Path("/proc/self/status")) -> None:
    """Raises ResolverError where this process may not change links and rules."""
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return
    effective = next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), -1)
    if not effective >> _NET_ADMIN & 1:
        raise ResolverError(
            "link and rules take the capability NET_ADMIN: grant it, or run `resolver node guard` with it beside this "
            "and say -setupinterface=false -setupiptables=false here"
        )
