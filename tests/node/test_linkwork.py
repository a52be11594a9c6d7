"""Making and removing the link, against a made-up kernel that says what pyroute2 says."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

from resolver.node.link import LinkFailure, _read
from resolver.node.linkwork import ALIAS, IPVS, LinkError, ensure, look, remove

LOCAL = ["169.254.20.10", "fd00::10"]


class Refused(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code, os.strerror(code))
        self.code = code


class Found(dict[str, Any]):
    """A link or an address as pyroute2 gives it."""

    def get_attr(self, name: str) -> Any:
        return self.get(name)

    def get_nested(self, *names: str) -> Any:
        return self.get(names[-1])


class Kernel:
    """``refuses`` are the errors of coming changes, by what is asked for."""

    def __init__(self, *, kinds: tuple[str, ...] = ("dummy", "bridge")) -> None:
        self.kinds = kinds
        self.links: dict[int, Found] = {}
        self.addresses: dict[int, list[str]] = {}
        self.flags: dict[str, int] = {}
        self.refuses: dict[str, int] = {}

    def make(self, name: str, kind: str, *addresses: str) -> int:
        index = len(self.links) + 1
        self.links[index] = Found(index=index, ifname=name, flags=0, IFLA_INFO_KIND=kind)
        self.addresses[index] = list(addresses)
        return index

    def link(self, task: str, index: int = 0, **what: Any) -> None:
        self._refuse(f"link {task}")
        if task == "add":
            if what["kind"] not in self.kinds:
                raise Refused(errno.EOPNOTSUPP)
            if self.link_lookup(what["ifname"]):
                raise Refused(errno.EEXIST)
            self.make(what["ifname"], what["kind"])
        elif task == "set":
            self.links[index]["flags"] |= what.get("state") == "up"
            self.links[index].update({"IFLA_IFALIAS": what["ifalias"]} if "ifalias" in what else {})
        else:
            del self.links[index], self.addresses[index]

    def addr(self, task: str, index: int, address: str, prefixlen: int, flags: int = 0) -> None:
        self._refuse(f"addr {task}")
        assert prefixlen == (128 if ":" in address else 32)
        self.flags[address] = flags
        (self.addresses[index].append if task == "add" else self.addresses[index].remove)(address)

    def link_lookup(self, ifname: str) -> list[int]:
        return [index for index, link in self.links.items() if link["ifname"] == ifname]

    def get_links(self, index: int) -> list[Found]:
        return [self.links[index]]

    def get_addr(self, index: int) -> list[Found]:
        return [Found(IFA_ADDRESS=address) for address in [*self.addresses[index], "fe80::1"]]

    def _refuse(self, what: str) -> None:
        if what in self.refuses:
            raise Refused(self.refuses[what])


def test_a_link_is_made_once() -> None:
    kernel = Kernel()
    first = ensure(kernel, "nodelocaldns", LOCAL)
    assert first["changes"][0] == "added the dummy link nodelocaldns"
    assert (kernel.addresses[1], kernel.links[1]["flags"], kernel.links[1]["IFLA_IFALIAS"]) == (LOCAL, 1, ALIAS)
    assert kernel.flags["fd00::10"] == 0x02
    assert ensure(kernel, "nodelocaldns", LOCAL) == {"changes": [], "ipvs": []}


def test_what_nodelocal_dnscache_left_is_adopted_and_brought_up() -> None:
    kernel = Kernel()
    kernel.make("nodelocaldns", "dummy", "169.254.20.10")
    assert ensure(kernel, "nodelocaldns", LOCAL)["changes"] == ["added fd00::10 to nodelocaldns"]
    assert kernel.links[1]["flags"] == 1


def test_without_dummy_links_a_bridge_does_it() -> None:
    kernel = Kernel(kinds=("bridge",))
    assert ensure(kernel, "nodelocaldns", LOCAL)["changes"][0] == "added the bridge link nodelocaldns"


def test_addresses_of_ipvs_are_left_where_they_are() -> None:
    kernel = Kernel()
    kernel.make(IPVS, "dummy", "10.96.0.10")
    done = ensure(kernel, "nodelocaldns", ["169.254.20.10", "10.96.0.10"])
    assert done["ipvs"] == ["10.96.0.10"]
    assert kernel.addresses[2] == ["169.254.20.10"]
    assert look(kernel, "nodelocaldns", ["10.96.0.10"])["ipvs"] == ["10.96.0.10"]


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        ("link add", errno.EPERM, "cannot add the dummy link nodelocaldns: it takes the capability NET_ADMIN"),
        ("addr add", errno.ENOBUFS, "cannot add 169.254.20.10 to nodelocaldns: No buffer space available"),
        ("link set", errno.ENODEV, "cannot mark nodelocaldns: No such device"),
    ],
)
def test_what_the_kernel_refuses_is_said(what: str, code: int, said: str) -> None:
    kernel = Kernel()
    kernel.refuses[what] = code
    with pytest.raises(LinkError, match=said):
        ensure(kernel, "nodelocaldns", LOCAL)


def test_two_that_make_the_link_at_once_both_succeed() -> None:
    kernel = Kernel()
    made = kernel.link_lookup
    kernel.link_lookup = lambda ifname: [] if not kernel.links else made(ifname)  # type: ignore[method-assign]
    ensure(kernel, "nodelocaldns", LOCAL)
    kernel.refuses["addr add"] = errno.EEXIST
    assert ensure(kernel, "nodelocaldns", [*LOCAL, "10.96.0.10"])["changes"] == ["added 10.96.0.10 to nodelocaldns"]


def test_our_link_is_removed() -> None:
    for kinds in (("dummy",), ("bridge",)):
        kernel = Kernel(kinds=kinds)
        ensure(kernel, "nodelocaldns", LOCAL)
        assert remove(kernel, "nodelocaldns", LOCAL)["changes"] == ["removed the link nodelocaldns"]
        assert not kernel.links
        assert remove(kernel, "nodelocaldns", LOCAL)["changes"] == []


@pytest.mark.parametrize(("kind", "others"), [("bridge", []), ("dummy", ["192.0.2.7"])])
def test_a_link_of_others_or_with_addresses_of_others_stays(kind: str, others: list[str]) -> None:
    kernel = Kernel()
    kernel.make("nodelocaldns", kind, *others)
    ensure(kernel, "nodelocaldns", LOCAL)
    remove(kernel, "nodelocaldns", LOCAL)
    assert kernel.addresses[1] == others


@pytest.mark.parametrize(
    ("out", "err", "said"),
    [
        (b'{"error": "no luck"}', b"", "no luck"),
        (b"", b"Traceback\nMemoryError: all gone\n", "changing the link failed: MemoryError: all gone"),
        (b"", b"", "changing the link failed: nothing was said"),
    ],
)
def test_what_the_other_process_says_wrong_is_a_failure(out: bytes, err: bytes, said: str) -> None:
    with pytest.raises(LinkFailure, match=said):
        _read(out, err)
