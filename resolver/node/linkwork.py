"""Changing the link: ``python -m resolver.node.linkwork``, a short process of its own.

It is the only one that needs pyroute2, whose import takes some 13 MB that a server should not hold for ever.
"""

from __future__ import annotations

import errno
import json
import sys
from ipaddress import ip_address
from typing import Any, Final

ALIAS: Final = "k8s-resolver node"
IPVS: Final = "kube-ipvs0"
_KINDS: Final = ("dummy", "bridge")  # a bridge without ports does the same where the kernel has no dummy links
_NODAD: Final = 0x02  # the address is nobody else's; without this an IPv6 one on an idle bridge would never be usable
_UP: Final = 0x1
_OURS: Final = ("dummy",)


class LinkError(Exception):
    """What could not be done; its text is for the operator."""


def ensure(ip: Any, name: str, addresses: list[str]) -> dict[str, Any]:
    """Make the link and give it the addresses, whatever of that is missing.

    Addresses that belong to kube-proxy's IPVS link are left alone and named in ``ipvs``.
    """
    ipvs = sorted(set(addresses) & _addresses_of(ip, IPVS))
    wanted = [address for address in addresses if address not in ipvs]
    changes = []
    link = _find(ip, name)
    if link is None:
        kind = _add(ip, name)
        changes.append(f"added the {kind} link {name}")
        link = _find(ip, name)
    if link is None:
        raise LinkError(f"the link {name} is gone as soon as it is made")
    index = link["index"]
    if not link["flags"] & _UP:
        _try(f"cannot bring {name} up", ip.link, "set", index=index, state="up")
    there = _addresses_of(ip, name)
    for address in wanted:
        if address not in there:
            _add_address(ip, index, name, address)
            changes.append(f"added {address} to {name}")
    return {"changes": changes, "ipvs": ipvs}


def look(ip: Any, name: str, addresses: list[str]) -> dict[str, Any]:
    """Change nothing; only name the addresses that belong to kube-proxy's IPVS link."""
    return {"changes": [], "ipvs": sorted(set(addresses) & _addresses_of(ip, IPVS))}


def remove(ip: Any, name: str, addresses: list[str]) -> dict[str, Any]:
    """Take our addresses from the link, and the link itself where it is ours or a dummy that holds nothing else."""
    link = _find(ip, name)
    if link is None:
        return {"changes": [], "ipvs": []}
    index = link["index"]
    there = _addresses_of(ip, name)
    ours = link.get_attr("IFLA_IFALIAS") == ALIAS or _kind(link) in _OURS
    if ours and there <= set(addresses):
        _try(f"cannot remove {name}", ip.link, "del", index=index)
        return {"changes": [f"removed the link {name}"], "ipvs": []}
    gone = [address for address in addresses if address in there]
    for address in gone:
        length = ip_address(address).max_prefixlen
        _try(f"cannot remove {address}", ip.addr, "del", index=index, address=address, prefixlen=length)
    return {"changes": [f"removed {address} from {name}" for address in gone], "ipvs": []}


def _add(ip: Any, name: str) -> str:
    for kind in _KINDS:
        try:
            ip.link("add", ifname=name, kind=kind)
        except Exception as error:
            if _code(error) == errno.EEXIST:
                return kind
            if _code(error) == errno.EOPNOTSUPP and kind != _KINDS[-1]:
                continue
            raise LinkError(f"cannot add the {kind} link {name}: {_reason(error)}") from None
        _try(f"cannot mark {name}", ip.link, "set", index=_find(ip, name)["index"], ifalias=ALIAS)
        return kind
    raise LinkError(f"the kernel has no kind of link for {name}")


def _add_address(ip: Any, index: int, name: str, address: str) -> None:
    value = ip_address(address)
    options = {"flags": _NODAD} if value.version == 6 else {}
    try:
        ip.addr("add", index=index, address=address, prefixlen=value.max_prefixlen, **options)
    except Exception as error:
        if _code(error) != errno.EEXIST:
            raise LinkError(f"cannot add {address} to {name}: {_reason(error)}") from None


def _find(ip: Any, name: str) -> Any:
    found = ip.link_lookup(ifname=name)
    return next(iter(ip.get_links(found[0])), None) if found else None


def _addresses_of(ip: Any, name: str) -> set[str]:
    """The addresses of a link, those that IPv6 gives itself left out."""
    found = ip.link_lookup(ifname=name)
    if not found:
        return set()
    held = (address.get_attr("IFA_LOCAL") or address.get_attr("IFA_ADDRESS") for address in ip.get_addr(index=found[0]))
    return {text for text in held if not ip_address(text).is_link_local or ip_address(text).version == 4}


def _kind(link: Any) -> str:
    return str(link.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND") or "")


def _try(what: str, call: Any, *arguments: Any, **options: Any) -> None:
    try:
        call(*arguments, **options)
    except Exception as error:
        raise LinkError(f"{what}: {_reason(error)}") from None


def _code(error: Exception) -> int:
    return int(getattr(error, "code", 0) or getattr(error, "errno", 0) or 0)


def _reason(error: Exception) -> str:
    code = _code(error)
    if code in (errno.EPERM, errno.EACCES):
        return "it takes the capability NET_ADMIN"
    return str(error.args[-1]) if code and error.args else str(error)


def main(arguments: list[str]) -> int:
    """``ensure``, ``look`` or ``remove``, the link, the addresses; prints one JSON object."""
    work = {"ensure": ensure, "look": look, "remove": remove}[arguments[0]]
    try:
        from pyroute2 import IPRoute
    except ImportError:
        return _say({"error": "links are changed through pyroute2, which comes with k8s-resolver[node]"})
    try:
        with IPRoute() as ip:
            return _say(work(ip, arguments[1], arguments[2:]))
    except LinkError as error:
        return _say({"error": str(error)})


def _say(done: dict[str, Any]) -> int:
    sys.stdout.write(json.dumps(done) + "\n")
    return int("error" in done)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
