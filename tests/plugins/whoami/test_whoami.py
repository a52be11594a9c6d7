"""whoami: the client's own address, port and transport."""

from __future__ import annotations

from typing import Any

import pytest

from resolver.chain.finish import finish
from resolver.errors import ConfigErrors
from resolver.plugins.whoami import Whoami
from resolver.wire.constants import AA
from tests.plugins.chains import World, nobody, question


async def records(**client: Any) -> list[tuple[str, int, str]]:
    reply = await Whoami().resolve(question("who.Example.org", **client), nobody)
    assert (reply.rcode, reply.flags, reply.replay) == (0, AA, None)
    assert reply.sections.answer == reply.sections.authority == []
    return [(record.owner.decode("latin-1"), record.type, record.rdata.hex()) for record in reply.sections.additional]


NAME = "\x03who\x07Example\x03org\x00"


async def test_a_client_over_udp_learns_its_address_and_port() -> None:
    assert await records(client=("192.0.2.7", 4660), transport="udp") == [
        (NAME, 1, "c0000207"),
        ("\x04_udp" + NAME, 33, "00000000" + "1234" + "00"),
    ]


async def test_a_client_over_tcp_is_told_so() -> None:
    assert (await records(client=("192.0.2.7", 1), transport="tcp"))[1][0] == "\x04_tcp" + NAME


async def test_an_ipv6_client_gets_an_aaaa_record_without_its_interface() -> None:
    assert (await records(client=("fe80::1%eth0", 1)))[0][1:] == (28, "fe80" + "00" * 13 + "01")


async def test_an_ipv4_client_of_an_ipv6_socket_is_shown_as_ipv4() -> None:
    assert (await records(client=("::ffff:192.0.2.7", 1)))[0][1:] == (1, "c0000207")


async def test_the_longest_name_is_answered_without_srv() -> None:
    query = question(".".join(["a" * 63] * 3 + ["b" * 61]), transport="udp")
    reply = await Whoami().resolve(query, nobody)
    assert len(reply.sections.additional) == 1
    assert finish(query, reply)


@pytest.mark.parametrize("line", ["whoami now", "whoami {\n x\n }", "whoami\n whoami"])
def test_the_directive_takes_nothing(line: str) -> None:
    with pytest.raises(ConfigErrors, match="whoami"):
        World().build(". {\n " + line + "\n}\n")
