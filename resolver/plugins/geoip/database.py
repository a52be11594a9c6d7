"""A MaxMind database in memory of its own, and what a record of it says, as labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from resolver.chain.changed import open_regular
from resolver.errors import ResolverError

Labels = dict[str, str]
Stamp = tuple[int, int, int]

LARGEST: Final = 2 << 30  # octets
_MISSING: Final = "geoip needs a library: pip install 'k8s-resolver[geoip]'"


class Database:
    """An open database. ``stamp`` tells its file from a changed one."""

    def __init__(self, reader: Any, read: Callable[[Mapping[str, Any]], Labels], stamp: Stamp) -> None:
        self._reader = reader
        self._read = read
        self.stamp = stamp

    def labels(self, address: str) -> Labels:
        """What is known of an address; nothing for what is no address, or of a family that it does not have."""
        try:
            record = self._reader.get(address)
        except (ValueError, TypeError):
            return {}
        except self._broken as error:
            raise ResolverError(f"the database is broken: {error}") from None
        return self._read(record if isinstance(record, dict) else {})

    @property
    def _broken(self) -> type[Exception]:
        broken: type[Exception] = import_module("maxminddb").InvalidDatabaseError
        return broken

    def close(self) -> None:
        """Free its memory."""
        self._reader.close()


def stamp_of(path: Path) -> Stamp:
    """What changes when the file does. Raises OSError."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


def open_database(path: Path) -> Database:
    """The database in the file. Raises ResolverError.

    It is copied into memory of our own: who writes over a file that is mapped would end the process.
    """
    try:
        maxminddb = import_module("maxminddb")
    except ImportError:
        raise ResolverError(_MISSING) from None
    try:
        with open_regular(path) as file:
            stamp = stamp_of(path)
            if stamp[1] > LARGEST:
                raise ResolverError(f"{path} is larger than {LARGEST >> 30} GiB")
            reader = _mapped(maxminddb, file.read(LARGEST))
    except OSError as error:
        raise ResolverError(f"cannot read {path}: {error.strerror or error}") from None
    except maxminddb.InvalidDatabaseError as error:
        raise ResolverError(f"{path} is no MaxMind database: {error}") from None
    kind = reader.metadata().database_type
    read = next((read for word, read in _READERS.items() if word in kind.lower()), None)
    if read is None:
        reader.close()
        raise ResolverError(f"{path} is of the type {kind!r}; wanted is one of cities, countries or networks (ASN)")
    return Database(reader, read, stamp)


def _mapped(maxminddb: Any, octets: bytes) -> Any:
    file = os.memfd_create("geoip", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(file), "wb") as copy:
            copy.write(octets)
        return maxminddb.open_database(f"/proc/self/fd/{file}")
    finally:
        os.close(file)


def _city(record: Mapping[str, Any]) -> Labels:
    country, location = record.get("country", {}), record.get("location", {})
    subdivisions = record.get("subdivisions", [])
    return {
        "geoip/city/name": _english(record.get("city", {})),
        "geoip/country/code": str(country.get("iso_code", "")),
        "geoip/country/name": _english(country),
        "geoip/country/is_in_european_union": "true" if country.get("is_in_european_union") is True else "false",
        "geoip/continent/code": str(record.get("continent", {}).get("code", "")),
        "geoip/continent/name": _english(record.get("continent", {})),
        "geoip/latitude": _decimal(location.get("latitude")),
        "geoip/longitude": _decimal(location.get("longitude")),
        "geoip/timezone": str(location.get("time_zone", "")),
        "geoip/postalcode": str(record.get("postal", {}).get("code", "")),
        "geoip/subdivisions/code": ",".join(str(one.get("iso_code", "")) for one in subdivisions),
    }


def _network(record: Mapping[str, Any]) -> Labels:
    return {
        "geoip/asn/number": str(record.get("autonomous_system_number", 0)),
        "geoip/asn/org": str(record.get("autonomous_system_organization", "")),
    }


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Labels]]] = {
    "city": _city, "country": _city, "enterprise": _city, "location": _city, "asn": _network,
}  # fmt: skip


def _english(place: Mapping[str, Any]) -> str:
    return str(place.get("names", {}).get("en", ""))


def _decimal(number: Any) -> str:
    """A number without an exponent, as short as it gets; empty where there is none."""
    if not isinstance(number, int | float):
        return ""
    text = format(Decimal(repr(number)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
