"""Whether an answer proves what it says, as a validating resolver would ask (RFC 4035 section 5.4, RFC 5155 section 8).

Written against the RFCs with dnspython's names and hashes, apart from what makes the answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
from dns.name import Name
from dns.rdatatype import CNAME, DS, NS, NSEC, NSEC3, RRSIG, SOA, RdataType

_WILDCARD = Name((b"*",))


def unproven(message: dns.message.Message, origin: Name) -> list[str]:
    """What a validator would miss in an answer from a signed zone, empty where everything is there."""
    proof = _Proof(message, origin)
    missing = [
        f"{name} is expanded and not denied"
        for name, labels in _expanded(message)
        if not proof.denies_closer(name, labels)
    ]
    question = message.question[0]
    final = _end_of_aliases(message, question.name, question.rdtype)
    if final is None or not final.is_subdomain(origin):
        return missing
    cut = next((s.name for s in message.authority if s.rdtype == NS and s.name != origin), None)
    if cut is not None:
        if not any(s.rdtype == DS for s in message.authority) and not proof.denies_type(cut, DS):
            missing.append(f"{cut} has no DS and that is not proven")
    elif message.rcode() == dns.rcode.NXDOMAIN:
        if not proof.denies_name(final):
            missing.append(f"{final} is not denied")
    elif any(s.rdtype == SOA for s in message.authority) and not proof.denies_type(final, question.rdtype):
        missing.append(f"{final} {dns.rdatatype.to_text(question.rdtype)} is not denied")
    return missing


def _expanded(message: dns.message.Message) -> Iterator[tuple[Name, int]]:
    """Owners in the answer that were made from a wildcard, with the labels of what is above it."""
    for rrset in message.answer:
        if rrset.rdtype == RRSIG:
            for rdata in rrset:
                if rdata.labels < len(rrset.name.labels) - 1 - (rrset.name.labels[0] == b"*"):
                    yield rrset.name, rdata.labels


def _end_of_aliases(message: dns.message.Message, name: Name, qtype: RdataType) -> Name | None:
    """The name that the aliases in the answer lead to, None where the answer has what was asked for."""
    for _ in message.answer:
        here = [rrset for rrset in message.answer if rrset.name == name]
        if qtype == dns.rdatatype.ANY or any(rrset.rdtype == qtype for rrset in here):
            return None
        alias = next((rrset for rrset in here if rrset.rdtype == CNAME), None)
        if alias is None:
            break
        name = alias[0].target
    return name


class _Proof:
    def __init__(self, message: dns.message.Message, origin: Name) -> None:
        self._origin = origin
        signed = {rrset.name for rrset in message.authority if rrset.rdtype == RRSIG}
        records = [(rrset.name, rrset[0]) for rrset in message.authority if rrset.rdtype in (NSEC, NSEC3)]
        self._nsec = [(name, rdata) for name, rdata in records if rdata.rdtype == NSEC and name in signed]
        self._nsec3 = [(name, rdata) for name, rdata in records if rdata.rdtype == NSEC3 and name in signed]

    def denies_name(self, name: Name) -> bool:
        if self._nsec3:
            encloser = self._encloser(name)
            if encloser is None or self._covering(_next(name, encloser)) is None:
                return False
            return self._covering(_WILDCARD + encloser) is not None
        encloser = self._nsec_encloser(name)
        return encloser is not None and self._is_between(_WILDCARD + encloser)

    def denies_type(self, name: Name, rtype: RdataType) -> bool:
        if self._nsec3:
            return self._nsec3_denies_type(name, rtype)
        for owner, rdata in self._nsec:
            if owner == name:
                return not _has(rdata, rtype)
            if owner < name and rdata.next.is_subdomain(name) and rdata.next != name:
                return True  # a name that only has names below it
        encloser = self._nsec_encloser(name)
        if encloser is None:
            return False
        return any(owner == _WILDCARD + encloser and not _has(rdata, rtype) for owner, rdata in self._nsec)

    def denies_closer(self, name: Name, labels: int) -> bool:
        """Whether nothing stands between a name and the wildcard that it was made from."""
        encloser = Name(name.labels[-labels - 1 :])
        if self._nsec3:
            return self._covering(_next(name, encloser)) is not None
        return self._is_between(name)

    def _nsec3_denies_type(self, name: Name, rtype: RdataType) -> bool:
        exact = self._matching(name)
        if exact is not None:
            return not _has(exact, rtype)
        encloser = self._encloser(name)
        if encloser is None:
            return False
        closer = self._covering(_next(name, encloser))
        if closer is None:
            return False
        if closer.flags & 1:  # opt-out: what is there may be unsigned
            return True
        wildcard = self._matching(_WILDCARD + encloser)
        return wildcard is not None and not _has(wildcard, rtype)

    def _is_between(self, name: Name) -> bool:
        for owner, rdata in self._nsec:
            if owner < name and (name < rdata.next or rdata.next == self._origin) and not rdata.next.is_subdomain(name):
                return True
        return False

    def _nsec_encloser(self, name: Name) -> Name | None:
        for owner, rdata in self._nsec:
            if owner < name and (name < rdata.next or rdata.next == self._origin) and not rdata.next.is_subdomain(name):
                shared = [name.fullcompare(other)[2] for other in (owner, rdata.next)]
                return Name(name.labels[-max(shared) :])
        return None

    def _encloser(self, name: Name) -> Name | None:
        while len(name.labels) > len(self._origin.labels):
            name = name.parent()
            if self._matching(name) is not None:
                return name
        return None

    def _matching(self, name: Name) -> Any:
        return next((rdata for owner, rdata in self._nsec3 if owner.labels[0].lower() == _hash(name, rdata)), None)

    def _covering(self, name: Name) -> Any:
        for owner, rdata in self._nsec3:
            start, end, wanted = owner.labels[0].lower(), _digits(rdata), _hash(name, rdata)
            if start < wanted < end or (end <= start and (wanted > start or wanted < end)):
                return rdata
        return None


def _next(name: Name, encloser: Name) -> Name:
    return Name(name.labels[-len(encloser.labels) - 1 :])


def _hash(name: Name, rdata: Any) -> bytes:
    return dns.dnssec.nsec3_hash(name, rdata.salt, rdata.iterations, 1).lower().encode()


def _digits(rdata: Any) -> bytes:
    digits: bytes = (
        rdata._next_text().lower().encode() if hasattr(rdata, "_next_text") else rdata.to_text().split()[4].encode()
    )
    return digits


def _has(rdata: Any, rtype: RdataType) -> bool:
    """Whether the record's types have this one, or an alias that would have been followed."""
    types = _types(rdata.windows)
    return rtype in types or (CNAME in types and rtype != CNAME)


def _types(windows: Sequence[tuple[int, bytes]]) -> set[int]:
    return {
        window * 256 + at * 8 + bit
        for window, octets in windows
        for at, octet in enumerate(octets)
        for bit in range(8)
        if octet & 0x80 >> bit
    }
