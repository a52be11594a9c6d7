"""The rules as chains of our own in iptables' raw and filter tables: written in batches, waiting for the lock."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from resolver.node.rules import COMMENT, FirewallError, Match

CHAIN: Final = "RESOLVER-NODE"
HOOKS: Final = {"raw": ("PREROUTING", "OUTPUT"), "filter": ("INPUT", "OUTPUT")}
FAMILIES: Final = {4: "iptables", 6: "ip6tables"}
FOREIGN: Final = "NodeLocal DNS Cache:"  # how the rules of NodeLocal DNSCache are marked
LOCK_WAIT: Final = "5"  # seconds that iptables waits for others
_RUN_TIME: Final = 30.0
_LOCKED: Final = 4  # iptables' exit code where it could not get the lock
_VARIANTS: Final = ("nft", "legacy")
_HINT: Final = ":KUBE-IPTABLES-HINT "  # a chain that kubelet makes where it works


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program that ended said."""

    code: int
    out: str = ""
    err: str = ""


Run = Callable[[Sequence[str], str], Awaitable[Ran]]


class Iptables:
    """The rules in chains called CHAIN, to which the first rule of each hook jumps.

    ``variant`` is ``-nft``, ``-legacy`` or empty for the system's choice.
    """

    name = "iptables"
    shared = True

    def __init__(self, untracked: Sequence[Match], accepted: Sequence[Match], *, variant: str = "", run: Run) -> None:
        self._rules = {"raw": tuple(untracked), "filter": tuple(accepted)}
        self._variant = variant
        self._run = run
        self._seen: dict[tuple[int, str], list[str]] = {}

    async def install(self) -> bool:
        """Have all chains in place; whether anything had to be written."""
        changed = False
        for family in self._families():
            for table in HOOKS:
                changed |= await self._install(family, table)
        return changed

    async def remove(self) -> bool:
        """Remove the chains of both families, wherever they are."""
        changed = False
        self._seen.clear()
        for family in FAMILIES:
            if not self._has_program(family):
                continue
            for table in HOOKS:
                listing = await self._listing(family, table)
                if f"-N {CHAIN}" in listing:
                    lines = [*_unjump(listing, table), f"-F {CHAIN}", f"-X {CHAIN}"]
                    await self._restore(family, table, lines)
                    changed = True
        return changed

    async def remove_foreign(self) -> int:
        """Remove the rules that NodeLocal DNSCache has left; how many there were."""
        count = 0
        for family in FAMILIES:
            if not self._has_program(family):
                continue
            for table in HOOKS:
                listing = await self._listing(family, table)
                gone = [f"-D{line[2:]}" for line in listing if line.startswith("-A ") and FOREIGN in line]
                if gone:
                    await self._restore(family, table, gone)
                    count += len(gone)
        return count

    async def close(self) -> None:
        """Nothing is held."""

    async def blocks(self) -> str:
        """What of the hooks of the filter table keeps packets out by itself; empty where nothing does."""
        for family in self._families():
            listing = await self._listing(family, "filter")
            for hook in HOOKS["filter"]:
                for line in listing:
                    words = line.split()
                    policy = words[:2] == ["-P", hook] and words[-1] != "ACCEPT"
                    if policy or (words[:2] == ["-A", hook] and _keeps_out(words)):
                        return f"{FAMILIES[family]}: {line}"
        return ""

    def _families(self) -> list[int]:
        return sorted({match.address.version for matches in self._rules.values() for match in matches})

    def _has_program(self, family: int) -> bool:
        return family in self._families() or shutil.which(self._program(family)) is not None

    async def _install(self, family: int, table: str) -> bool:
        listing = await self._listing(family, table)
        ours = [line for line in listing if line.startswith(f"-A {CHAIN} ")]
        first = all(_first(listing, hook) == _jump(hook) for hook in HOOKS[table])
        once = sum(_is_jump(line) for line in listing) == len(HOOKS[table])
        if first and once and ours and ours == self._seen.get((family, table)):
            return False
        jumps = [f"-I {hook} 1 -j {CHAIN}" for hook in HOOKS[table]]
        rules = [_line(match, table) for match in self._rules[table] if match.address.version == family]
        await self._restore(family, table, [f":{CHAIN} - [0:0]", *_unjump(listing, table), *jumps, *rules])
        written = await self._listing(family, table)
        self._seen[family, table] = [line for line in written if line.startswith(f"-A {CHAIN} ")]
        return True

    async def _listing(self, family: int, table: str) -> list[str]:
        words = [self._program(family), "-w", LOCK_WAIT, "-t", table, "-S"]
        return (await self._checked(words, "", f"list the {table} table")).splitlines()

    async def _restore(self, family: int, table: str, lines: Sequence[str]) -> None:
        text = "\n".join([f"*{table}", *lines, "COMMIT", ""])
        words = [f"{self._program(family)}-restore", "-w", LOCK_WAIT, "--noflush"]
        await self._checked(words, text, f"write the {table} table")

    async def _checked(self, words: Sequence[str], text: str, what: str) -> str:
        ran = await self._run(words, text)
        if not ran.code:
            return ran.out
        said = ran.err.strip().splitlines()
        reason = said[0] if said else f"exit code {ran.code}"
        locked = ran.code == _LOCKED and "lock" in ran.err
        raise FirewallError(f"{words[0]}: cannot {what}: {reason}", "iptables_lock" if locked else "iptables")

    def _program(self, family: int) -> str:
        return f"{FAMILIES[family]}{self._variant}"


async def choose_variant(run: Run) -> str:
    """Which iptables the node's own rules are written with, where both kinds are installed.

    That in which kubelet has made its hint; else that with more rules; else the system's choice.
    """
    if not all(shutil.which(f"iptables-{variant}-save") for variant in _VARIANTS):
        return ""
    counts = {}
    for variant in _VARIANTS:
        ran = await run([f"iptables-{variant}-save", "-t", "mangle"], "")
        everything = await run([f"iptables-{variant}-save"], "")
        if any(line.startswith(_HINT) for line in ran.out.splitlines()):
            return f"-{variant}"
        counts[variant] = sum(line.startswith("-A ") for line in everything.out.splitlines())
    if counts["nft"] == counts["legacy"]:
        return ""
    return "-nft" if counts["nft"] > counts["legacy"] else "-legacy"


async def run_program(words: Sequence[str], text: str) -> Ran:
    """Run a program with this text as its standard input."""
    return await asyncio.to_thread(_run_here, words, text)


def _run_here(words: Sequence[str], text: str) -> Ran:
    try:
        done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=_RUN_TIME, check=False)  # noqa: S603
    except OSError as error:
        return Ran(127, err=f"cannot start {words[0]}: {error.strerror or error}")
    except subprocess.TimeoutExpired:
        return Ran(_LOCKED, err=f"another program holds the xtables lock: nothing came in {_RUN_TIME:g} seconds")
    return Ran(done.returncode, done.stdout, done.stderr)


def _line(match: Match, table: str) -> str:
    where, port = ("-s", "--sport") if match.answers else ("-d", "--dport")
    address = f"{match.address}/{match.address.max_prefixlen}"
    target = "NOTRACK" if table == "raw" else "ACCEPT"
    return (
        f"-A {CHAIN} {where} {address} -p {match.protocol} -m {match.protocol} {port} {match.port}"
        f' -m comment --comment "{COMMENT}" -j {target}'
    )


def _jump(hook: str) -> str:
    return f"-A {hook} -j {CHAIN}"


def _is_jump(line: str) -> bool:
    return line.startswith("-A ") and line.endswith(f" -j {CHAIN}")


def _first(listing: Sequence[str], hook: str) -> str:
    return next((line for line in listing if line.startswith(f"-A {hook} ")), "")


def _unjump(listing: Sequence[str], table: str) -> list[str]:
    hooks = tuple(f"-A {hook} " for hook in HOOKS[table])
    return [f"-D{line[2:]}" for line in listing if line.startswith(hooks) and _is_jump(line)]


def _keeps_out(words: Sequence[str]) -> bool:
    """Whether a rule drops, or refuses, by itself. Those for invalid or local-only packets do not touch DNS."""
    target = words[words.index("-j") + 1] if "-j" in words[:-1] else ""
    return target in ("DROP", "REJECT") and "INVALID" not in words
