"""Which queries get a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from resolver.chain.capabilities import Identity
from resolver.chain.networks import NetworkSet
from resolver.wire.names import ROOT, is_below

CLASSES: Final = ("success", "denial", "error")
DECISIONS: Final = ("allow", "deny", "audit-only", "none")


@dataclass(frozen=True, slots=True)
class Choice:
    """What one kind of ``only`` or ``except`` lines names; None where there are none of that kind."""

    types: frozenset[int] | None = None
    classes: frozenset[str] | None = None
    decisions: frozenset[str] | None = None
    networks: NetworkSet | None = None
    namespaces: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """A query gets a line where it is in a zone, every kind of ``only`` takes it, and no ``except`` does.

    ``zones`` are lower-case wire names.
    """

    zones: tuple[bytes, ...] = (ROOT,)
    only: Choice = Choice()
    excepted: Choice = Choice()

    def takes_question(self, name: bytes, qtype: int) -> bool:
        """Whether a question may get a line, whoever asks and whatever the answer."""
        only, excepted = self.only.types, self.excepted.types
        if (only is not None and qtype not in only) or (excepted is not None and qtype in excepted):
            return False
        return any(zone == ROOT or is_below(name, zone) for zone in self.zones)

    @property
    def takes_all_questions(self) -> bool:
        """Whether it does not matter what is asked."""
        return self.only.types is None and self.excepted.types is None and ROOT in self.zones

    def takes_answer(self, answer_class: str, decision: str) -> bool:
        """Whether an answer of a class, after a decision (empty for none), may get a line."""
        only, excepted = self.only, self.excepted
        decision = decision or "none"
        return (
            (only.classes is None or answer_class in only.classes)
            and (only.decisions is None or decision in only.decisions)
            and not (excepted.classes is not None and answer_class in excepted.classes)
            and not (excepted.decisions is not None and decision in excepted.decisions)
        )

    def takes_client(self, host: str, identity: Identity | None, settled: bool) -> bool:
        """Whether an address may get lines; who is not known yet may, whatever is said of namespaces."""
        only, excepted = self.only, self.excepted
        if only.networks is not None and not only.networks.holds(host):
            return False
        if excepted.networks is not None and excepted.networks.holds(host):
            return False
        if not settled and identity is None:
            return True
        namespace = "" if identity is None else identity.namespace
        if only.namespaces is not None and namespace not in only.namespaces:
            return False
        return excepted.namespaces is None or namespace not in excepted.namespaces
