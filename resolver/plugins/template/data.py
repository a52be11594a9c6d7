"""What templates can ask of a query. Whoever asks what differs from client to client leaves a mark."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from resolver.chain.query import Query
from resolver.config.pattern import Pattern
from resolver.plugins.template.language.values import Method, Struct, plain
from resolver.wire.constants import (
    AD,
    ANY,
    ANY_CLASS,
    CD,
    CLASSES,
    OPCODES,
    RD,
    TYPES,
    Z,
    class_name,
    type_name,
)
from resolver.wire.edns import Edns, options
from resolver.wire.names import to_text


class Data(Struct):
    """The dot of a template, for templates about a class and type.

    ``personal`` is set where something was read that another client may not share.
    """

    __slots__ = ("_groups", "found", "name", "pattern", "personal", "query", "rclass", "rtype", "variables", "zone")

    kind: ClassVar[str] = "template data"

    def __init__(
        self,
        query: Query,
        name: str,
        zone: str,
        about: tuple[int, int],
        found: tuple[str, ...] | None = None,
        pattern: Pattern | None = None,
    ) -> None:
        self.query = query
        self.name = name
        self.zone = zone
        self.found = found
        self.pattern = pattern
        self.rclass = query.qclass if query.qclass != ANY_CLASS else about[0]
        self.rtype = query.qtype if query.qtype != ANY else about[1]
        self.variables: dict[str, Any] = {}
        self.personal = False
        self._groups: dict[str, str] | None = None

    @property
    def class_text(self) -> str:
        """``IN``; empty where the class has no name."""
        return CLASSES.get(self.rclass, "")

    @property
    def type_text(self) -> str:
        """``AAAA``; empty where the type has no name."""
        return TYPES.get(self.rtype, "")

    def matches(self) -> list[str]:
        """The whole match and its groups; empty texts for groups that took no part."""
        return [self.name] if self.found is None else list(self.found)

    def groups(self) -> dict[str, str]:
        """The groups by number and by name; a template reads them once for each that it names."""
        if self._groups is None:
            matches = self.matches()
            found = {str(number): text for number, text in enumerate(matches)}
            if self.pattern is not None:
                for name, number in self.pattern.names.items():
                    found[name] = matches[number]
            self._groups = found
        return self._groups

    def remote(self) -> str:
        """The client's address."""
        self.personal = True
        return self.query.client[0]

    def meta(self, label: str) -> str:
        """What is known of the query under a label, empty where nothing is."""
        self.personal = True
        return (self.query.metadata or {}).get(label, "")

    def __str__(self) -> str:
        """Everything at once, as somebody sees it who writes out the dot."""
        fields: list[Any] = [
            self.zone,
            self.name,
            _regex(self),
            self.matches(),
            self.groups(),
            self.class_text,
            self.type_text,
        ]
        fields += [
            MessageData(self),
            QuestionData(self.query),
            self.remote(),
            self.variables,
            self.query.metadata or {},
        ]
        return "{" + " ".join(map(plain, fields)) + "}"


class QuestionData(Struct):
    """``.Question``."""

    __slots__ = ("query",)

    kind: ClassVar[str] = "Question"
    fields: ClassVar[Mapping[str, Callable[[Any], Any] | Method]] = {
        "Name": lambda self: to_text(self.query.qname),
        "Qtype": lambda self: self.query.qtype,
        "Qclass": lambda self: self.query.qclass,
        "String": Method(str),
    }

    def __init__(self, query: Query) -> None:
        self.query = query

    def __str__(self) -> str:
        query = self.query
        return f";{to_text(query.qname)}\t{class_name(query.qclass)}\t {type_name(query.qtype)}"


class EdnsData(Struct):
    """The OPT record of a query, as in ``.Message.IsEdns0``."""

    __slots__ = ("edns",)

    kind: ClassVar[str] = "OPT"
    fields: ClassVar[Mapping[str, Callable[[Any], Any] | Method]] = {
        "UDPSize": Method(lambda self: self.edns.size),
        "Do": Method(lambda self: self.edns.do),
        "Version": Method(lambda self: self.edns.version),
        "Option": lambda self: [OptionData(*one) for one in options(self.edns.options)],
    }

    def __init__(self, edns: Edns) -> None:
        self.edns = edns

    def __str__(self) -> str:
        flags = " do" if self.edns.do else ""
        return f"\n;; OPT PSEUDOSECTION:\n; EDNS: version {self.edns.version}; flags:{flags}; udp: {self.edns.size}"


class OptionData(Struct):
    """One EDNS option: its number, its octets in hexadecimal, and for a client subnet its parts."""

    __slots__ = ("code", "payload")

    kind: ClassVar[str] = "EDNS option"
    fields: ClassVar[Mapping[str, Callable[[Any], Any] | Method]] = {
        "Code": lambda self: self.code,
        "Data": lambda self: list(self.payload),
        "Option": Method(lambda self: self.code),
        "String": Method(str),
        "Family": lambda self: int.from_bytes(self.payload[:2], "big"),
        "SourceNetmask": lambda self: self.payload[2] if len(self.payload) > 2 else 0,
        "SourceScope": lambda self: self.payload[3] if len(self.payload) > 3 else 0,
        "Address": lambda self: self.address(),
    }

    def __init__(self, code: int, payload: bytes) -> None:
        self.code = code
        self.payload = payload

    def address(self) -> str:
        """The address of a client subnet (RFC 7871 section 6), empty where this is none."""
        size = {1: 4, 2: 16}.get(int.from_bytes(self.payload[:2], "big"), 0)
        octets = self.payload[4:]
        return str(ipaddress.ip_address(octets.ljust(size, b"\0"))) if size and len(octets) <= size else ""

    def __str__(self) -> str:
        return self.payload.hex()


def _flag(bit: int) -> Callable[[Any], bool]:
    return lambda self: self.data.query.flags & bit != 0


class MessageData(Struct):
    """``.Message``: the query as it came in."""

    __slots__ = ("data",)

    kind: ClassVar[str] = "Msg"
    fields: ClassVar[Mapping[str, Callable[[Any], Any] | Method]] = {
        "Id": lambda self: self.id(),
        "Response": lambda self: False,
        "Opcode": lambda self: self.data.query.flags >> 11 & 15,
        "Authoritative": _flag(0x0400),
        "Truncated": _flag(0x0200),
        "RecursionDesired": _flag(RD),
        "RecursionAvailable": _flag(0x0080),
        "Zero": _flag(Z),
        "AuthenticatedData": _flag(AD),
        "CheckingDisabled": _flag(CD),
        "Compress": lambda self: False,
        "Rcode": lambda self: self.data.query.flags & 15,
        "MsgHdr": lambda self: self,
        "Question": lambda self: [QuestionData(self.data.query)],
        "Answer": lambda self: [],
        "Ns": lambda self: [],
        "Extra": lambda self: self.extra(),
        "Len": Method(lambda self: self.data.query.size),
        "IsEdns0": Method(lambda self: next(iter(self.extra()), None)),
        "String": Method(str),
    }

    def __init__(self, data: Data) -> None:
        self.data = data

    def id(self) -> int:
        """The message's number, which is new with every query."""
        self.data.personal = True
        return self.data.query.id

    def extra(self) -> list[EdnsData]:
        """The OPT record, if there is one."""
        edns = self.data.query.edns
        return [] if edns is None else [EdnsData(edns)]

    def __str__(self) -> str:
        query = self.data.query
        opcode = OPCODES.get(query.flags >> 11 & 15, str(query.flags >> 11 & 15))
        bits = ((0x0400, "aa"), (0x0200, "tc"), (RD, "rd"), (0x0080, "ra"), (Z, "z"), (AD, "ad"), (CD, "cd"))
        flags = "".join(f" {name}" for bit, name in bits if query.flags & bit)
        extra = self.extra()
        counts = f"QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: {len(extra)}"
        head = f";; opcode: {opcode}, status: NOERROR, id: {self.id()}\n;; flags:{flags}; {counts}\n"
        return head + "".join(map(str, extra)) + f"\n;; QUESTION SECTION:\n{QuestionData(query)}\n"


def _regex(data: Data) -> str:
    return ".*" if data.pattern is None else data.pattern.pattern


Data.fields = {
    "Zone": lambda self: self.zone,
    "Name": lambda self: self.name,
    "Regex": _regex,
    "Match": Data.matches,
    "Group": Data.groups,
    "Class": lambda self: self.class_text,
    "Type": lambda self: self.type_text,
    "Message": MessageData,
    "Question": lambda self: QuestionData(self.query),
    "Remote": Data.remote,
    "Var": lambda self: self.variables,
    "Meta": Method(Data.meta, (str,)),
}
