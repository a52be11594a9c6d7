"""Choosing how the rules are written down, and clearing away what an earlier run has left in the other way."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from resolver.errors import ResolverError
from resolver.node import nftables
from resolver.node.iptables import Iptables, Run, choose_variant, run_program
from resolver.node.nftables import Nftables
from resolver.node.rules import Firewall, FirewallError, accepted, untracked
from resolver.node.settings import Address, NodeSettings
from resolver.telemetry.log import Log


@dataclass(frozen=True, slots=True)
class Choice:
    """A firewall, and why it was chosen."""

    firewall: Firewall
    reason: str


async def choose(
    settings: NodeSettings, addresses: tuple[Address, ...], *, lasting: bool, run: Run = run_program
) -> Choice:
    """The firewall that ``-firewall`` names; for ``auto`` the one that fits the node. Raises ResolverError.

    An accept in a table of our own does not overrule a drop in another table, so where iptables' own chains drop, only
    a rule in those chains helps. Everywhere else a table of our own is better: it leaves everybody's rules alone.
    """
    wanted = settings.firewall
    outside = untracked(addresses, settings.port, settings.health_port), accepted(addresses, settings.port)
    has_iptables = shutil.which("iptables") is not None
    if wanted == "iptables" and not has_iptables:
        raise ResolverError("-firewall iptables: there is no program iptables here")
    if wanted == "nftables" and not nftables.offered():
        raise ResolverError("-firewall nftables: the kernel does not take nftables rules from us; NET_ADMIN is needed")
    nft = Nftables(outside[0], lasting=lasting)
    if wanted == "nftables":
        return Choice(nft, "asked for")
    iptables = Iptables(*outside, variant=await choose_variant(run) if has_iptables else "", run=run)
    if wanted == "iptables":
        return Choice(iptables, "asked for")
    return await _fitting(nft, iptables if has_iptables else None)


def warn_of_drops(chosen: Firewall, log: Log) -> None:
    """Say which nftables chains of others may keep DNS out, as no table of ours can let it in."""
    if not isinstance(chosen, Nftables):
        return
    try:
        chains = nftables.dropping_chains()
    except FirewallError as error:
        log.error(str(error))
        return
    for chain in chains:
        log.warning(
            f"the nftables chain {chain} drops what it does not let in by name, and untracked packets are not "
            "established ones: DNS to the local addresses needs a rule there"
        )


async def clear_others(chosen: Firewall, log: Log, *, run: Run = run_program) -> None:
    """Remove rules that an earlier run wrote down in another way than the one chosen now. Raises FirewallError."""
    adopted = isinstance(chosen, Nftables) and chosen.shared
    if not adopted and nftables.offered() and nftables.remove_lasting():
        log.info("removed the nftables table of an earlier run")
    if not isinstance(chosen, Iptables):
        for each in await every_iptables(run):
            if await each.remove():
                log.info("removed the iptables chains of an earlier run")


async def every_iptables(run: Run = run_program) -> list[Iptables]:
    """All kinds of iptables that are installed, without rules, to remove what is there."""
    variants = [variant for variant in ("-nft", "-legacy") if shutil.which(f"iptables{variant}")]
    if not variants and shutil.which("iptables"):
        variants = [""]
    return [Iptables((), (), variant=variant, run=run) for variant in variants]


async def _fitting(nft: Nftables, iptables: Iptables | None) -> Choice:
    offered = nftables.offered()
    if iptables is not None:
        try:
            blocking = await iptables.blocks()
        except FirewallError:
            blocking = ""  # if iptables is all there is, whoever installs the rules says what is wrong with it
        if blocking:
            return Choice(iptables, f"only a rule of iptables lets packets pass its own {blocking}")
    if offered:
        return Choice(nft, "the kernel offers nftables")
    if iptables is not None:
        return Choice(iptables, "the kernel does not offer nftables")
    raise ResolverError("neither nftables nor iptables can be used here; -firewall none goes without rules")
