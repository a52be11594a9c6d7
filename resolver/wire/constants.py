"""Numbers of the DNS protocol (IANA registries) and their names."""

from __future__ import annotations

from typing import Final

HEADER_SIZE: Final = 12
MAX_NAME: Final = 255
MAX_LABEL: Final = 63
MAX_MESSAGE: Final = 65535
MAX_TTL: Final = 0x7FFFFFFF
MIN_UDP_SIZE: Final = 512
MAX_UDP_SIZE: Final = 65507  # what is left of an IPv4 packet behind its own and the UDP header

# Header flags, RFC 1035 section 4.1.1 and RFC 2535 section 6.1.
QR: Final = 0x8000
AA: Final = 0x0400
TC: Final = 0x0200
RD: Final = 0x0100
RA: Final = 0x0080
Z: Final = 0x0040
AD: Final = 0x0020
CD: Final = 0x0010
OPCODE_MASK: Final = 0x7800
RCODE_MASK: Final = 0x000F
FLAG_NAMES: Final = {QR: "qr", AA: "aa", TC: "tc", RD: "rd", RA: "ra", AD: "ad", CD: "cd"}

QUERY, IQUERY, STATUS, NOTIFY, UPDATE = 0, 1, 2, 4, 5
OPCODES: Final = {QUERY: "QUERY", IQUERY: "IQUERY", STATUS: "STATUS", NOTIFY: "NOTIFY", UPDATE: "UPDATE"}

NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 0, 1, 2, 3, 4, 5
YXDOMAIN, YXRRSET, NXRRSET, NOTAUTH, NOTZONE = 6, 7, 8, 9, 10
BADVERS, BADKEY, BADTIME, BADMODE, BADNAME, BADALG, BADTRUNC, BADCOOKIE = 16, 17, 18, 19, 20, 21, 22, 23
RCODES: Final = {
    NOERROR: "NOERROR", FORMERR: "FORMERR", SERVFAIL: "SERVFAIL", NXDOMAIN: "NXDOMAIN", NOTIMP: "NOTIMP",
    REFUSED: "REFUSED", YXDOMAIN: "YXDOMAIN", YXRRSET: "YXRRSET", NXRRSET: "NXRRSET", NOTAUTH: "NOTAUTH",
    NOTZONE: "NOTZONE", BADVERS: "BADVERS", BADKEY: "BADKEY", BADTIME: "BADTIME", BADMODE: "BADMODE",
    BADNAME: "BADNAME", BADALG: "BADALG", BADTRUNC: "BADTRUNC", BADCOOKIE: "BADCOOKIE",
}  # fmt: skip
RCODE_NUMBERS: Final = {name: number for number, name in RCODES.items()} | {"NOTIMPL": NOTIMP, "BADSIG": BADVERS}

IN, CH, HS, NONE, ANY_CLASS = 1, 3, 4, 254, 255
CLASSES: Final = {IN: "IN", 2: "CS", CH: "CH", HS: "HS", NONE: "NONE", ANY_CLASS: "ANY"}
CLASS_NUMBERS: Final = {name: number for number, name in CLASSES.items()}

A, NS, CNAME, SOA, PTR, HINFO, MX, TXT, AAAA, SRV = 1, 2, 5, 6, 12, 13, 15, 16, 28, 33
NAPTR, DNAME, OPT, DS, RRSIG, NSEC, DNSKEY, NSEC3, SVCB, HTTPS = 35, 39, 41, 43, 46, 47, 48, 50, 64, 65
TSIG, IXFR, AXFR, ANY, CAA = 250, 251, 252, 255, 257
TYPES: Final = {
    A: "A", NS: "NS", 3: "MD", 4: "MF", CNAME: "CNAME", SOA: "SOA", 7: "MB", 8: "MG", 9: "MR", 10: "NULL",
    11: "WKS", PTR: "PTR", HINFO: "HINFO", 14: "MINFO", MX: "MX", TXT: "TXT", 17: "RP", 18: "AFSDB", 19: "X25",
    20: "ISDN", 21: "RT", 22: "NSAP", 23: "NSAP-PTR", 24: "SIG", 25: "KEY", 26: "PX", 27: "GPOS", AAAA: "AAAA",
    29: "LOC", 30: "NXT", 31: "EID", 32: "NIMLOC", SRV: "SRV", 34: "ATMA", NAPTR: "NAPTR", 36: "KX", 37: "CERT",
    38: "A6", DNAME: "DNAME", 40: "SINK", OPT: "OPT", 42: "APL", DS: "DS", 44: "SSHFP", 45: "IPSECKEY",
    RRSIG: "RRSIG", NSEC: "NSEC", DNSKEY: "DNSKEY", 49: "DHCID", NSEC3: "NSEC3", 51: "NSEC3PARAM", 52: "TLSA",
    53: "SMIMEA", 55: "HIP", 56: "NINFO", 57: "RKEY", 58: "TALINK", 59: "CDS", 60: "CDNSKEY", 61: "OPENPGPKEY",
    62: "CSYNC", 63: "ZONEMD", SVCB: "SVCB", HTTPS: "HTTPS", 99: "SPF", 104: "NID", 105: "L32", 106: "L64",
    107: "LP", 108: "EUI48", 109: "EUI64", 249: "TKEY", TSIG: "TSIG", IXFR: "IXFR", AXFR: "AXFR", 253: "MAILB",
    254: "MAILA", ANY: "ANY", 256: "URI", CAA: "CAA", 258: "AVC", 260: "AMTRELAY", 261: "RESINFO",
    32768: "TA", 32769: "DLV",
}  # fmt: skip
TYPE_NUMBERS: Final = {name: number for number, name in TYPES.items()}

# EDNS options, RFC 6891 and the registry.
OPTION_NSID, OPTION_ECS, OPTION_COOKIE, OPTION_KEEPALIVE, OPTION_PADDING, OPTION_EDE = 3, 8, 10, 11, 12, 15

# Extended DNS Errors, RFC 8914 section 4.
EDE_STALE_ANSWER, EDE_CACHED_ERROR, EDE_NOT_READY, EDE_BLOCKED, EDE_CENSORED = 3, 13, 14, 15, 16
EDE_FILTERED, EDE_PROHIBITED, EDE_STALE_NXDOMAIN, EDE_NOT_AUTHORITATIVE = 17, 18, 19, 20
EDE_NOT_SUPPORTED, EDE_NO_REACHABLE_AUTHORITY, EDE_NETWORK_ERROR, EDE_INVALID_DATA = 21, 22, 23, 24
EDE_OTHER: Final = 0


def rcode_name(rcode: int) -> str:
    """``NXDOMAIN`` for 3; numbers without a name stay numbers."""
    return RCODES.get(rcode) or str(rcode)


def type_name(number: int) -> str:
    """``AAAA`` for 28; ``TYPE65280`` for types without a name (RFC 3597 section 5)."""
    return TYPES.get(number) or f"TYPE{number}"


def class_name(number: int) -> str:
    """``IN`` for 1; ``CLASS17`` for classes without a name (RFC 3597 section 5)."""
    return CLASSES.get(number) or f"CLASS{number}"
