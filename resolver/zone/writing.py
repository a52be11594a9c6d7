"""Writing master files (RFC 1035 section 5). Imports a library that takes long to load, so no server should."""

from __future__ import annotations

import base64
import os
import tempfile
import time
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from struct import Struct
from typing import Final

import dns.exception
import dns.rdata
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from resolver.wire.constants import RRSIG, type_name
from resolver.wire.names import plain_name, to_text
from resolver.wire.records import Record

_READABLE: Final = 0o644
_SIGNATURE: Final = Struct("!HBBIIIH")


def write(path: Path, records: Iterable[Record], changed: float | None = None) -> None:
    """Write a master file in one go: whoever reads the path sees the old file or the new one. Raises OSError.

    ``changed`` is what the file shows as its time of change, in seconds since 1970, if not now.
    """
    descriptor, name = tempfile.mkstemp(prefix=".signed-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.writelines(map(line_of, records))
            file.flush()
            os.fchmod(file.fileno(), _READABLE)
            os.fsync(file.fileno())
        if changed is not None:
            os.utime(name, (changed, changed))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def line_of(record: Record) -> str:
    """One record in presentation form."""
    owner, rtype, rclass, ttl, rdata = record
    if rtype == RRSIG:
        return f"{to_text(owner)}\t{ttl}\tIN\tRRSIG\t{_signature(rdata)}\n"
    try:
        text = dns.rdata.from_wire(RdataClass.make(rclass), RdataType.make(rtype), rdata, 0, len(rdata)).to_text()
    except (dns.exception.DNSException, ValueError):
        text = f"\\# {len(rdata)} {rdata.hex()}"  # RFC 3597 section 5: what the library does not know it need not judge
    return f"{to_text(owner)}\t{ttl}\tIN\t{type_name(rtype)}\t{text}\n"


def _signature(rdata: bytes) -> str:
    """RRSIG (RFC 4034 section 3.2), of which a signed zone has more than of all else."""
    covered, algorithm, labels, ttl, end, begin, tag = _SIGNATURE.unpack_from(rdata)
    signer, at = plain_name(rdata, _SIGNATURE.size)
    signed = base64.b64encode(rdata[at:]).decode()
    times = f"{_moment(end)} {_moment(begin)}"
    return f"{type_name(covered)} {algorithm} {labels} {ttl} {times} {tag} {to_text(signer)} {signed}"


@lru_cache(maxsize=16)
def _moment(seconds: int) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds))
