"""When a signed zone file has to be made anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from resolver.dnssec.signature import covered_type, tag_of, validity_of
from resolver.errors import ZoneError
from resolver.wire.constants import RRSIG, SOA
from resolver.zone.text import MasterFile

DAY: Final = 24 * 3600
RESIGN_AFTER: Final = 6 * DAY
RESIGN_BEFORE_END: Final = 14 * DAY
_LOOKED_AT: Final = 100


def why_sign(path: Path, source: Path, origin: bytes, tags: Sequence[int], now: float) -> str:
    """Why the signed file has to be made (anew) from its source; empty where it has not.

    ``tags`` are those of the keys, ``now`` is in seconds since 1970. Only the signatures over the SOA are looked at,
    which must be among the first records.
    """
    try:
        if source.stat().st_mtime > path.stat().st_mtime:
            return f"{source} is newer than {path}"
        signatures = list(_soa_signatures(path, origin))
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    except ZoneError as error:
        return str(error)
    if not signatures:
        return f"no signature of the SOA is among the first {_LOOKED_AT} records of {path}"
    if {tag_of(one) for one in signatures} != set(tags):
        return f"{path} is signed with other keys"
    return next(filter(None, (_why_renew(one, now) for one in signatures)), "")


def _soa_signatures(path: Path, origin: bytes) -> Iterator[bytes]:
    for record in islice(MasterFile(path, origin).records(), _LOOKED_AT):
        if record.type == RRSIG and covered_type(record.rdata) == SOA:
            yield record.rdata


def _why_renew(rrsig: bytes, now: float) -> str:
    begin, end = validity_of(rrsig)
    if now < begin:
        return f"its signatures begin to be valid in {begin - now:.0f} seconds"
    if now - begin > RESIGN_AFTER:
        return f"its signatures are valid since {(now - begin) / DAY:.1f} days"
    if end - now < RESIGN_BEFORE_END:
        return f"its signatures end in {(end - now) / DAY:.1f} days"
    return ""
