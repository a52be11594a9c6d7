"""random_case and cookies in forward, as configured and as clients see them."""

from __future__ import annotations

import pytest

from resolver.errors import ConfigErrors
from resolver.plugins.forward.settings import Line
from resolver.wire.constants import TC
from resolver.wire.cookie import cookie_of, cookie_option
from resolver.wire.edns import Edns, write_opt
from resolver.wire.names import from_text
from tests.plugins.chains import World, question
from tests.plugins.forward.forwarding import addresses, ask, ask_with, forwarding
from tests.support.upstreams import Asked, Step, Upstream, answers, reply


def line(options: str, to: str = "192.0.2.1") -> Line:
    settings: tuple[Line, ...] = World().part(f". {{\n forward . {to} {{\n{options}\n}}\n}}\n")._settings
    return settings[0]


def test_both_are_off_by_default() -> None:
    assert (line("").limits.random_case, line("").limits.cookies) == (False, False)
    both = line("random_case\ncookies")
    assert (both.limits.random_case, both.limits.cookies, both.fixed_case) == (True, True, frozenset())


def test_upstreams_are_excepted_by_address_and_port() -> None:
    found = line("random_case except 192.0.2.1 [2001:db8::1]:5353", "192.0.2.1 192.0.2.2")
    assert found.fixed_case == {("192.0.2.1", 53), ("2001:db8::1", 5353)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("random_case on", "nothing but except"),
        ("random_case except", "nothing but except"),
        ("random_case except dns.test", "IP address"),
        ("cookies on", "takes no arguments"),
    ],
)
def test_mistakes_are_told(options: str, message: str) -> None:
    with pytest.raises(ConfigErrors, match=message):
        line(options)


@pytest.mark.parametrize("option", ["random_case", "cookies"])
@pytest.mark.parametrize(("to", "more"), [("tls://192.0.2.1", ""), ("192.0.2.1", "force_tcp")])
def test_what_has_no_effect_is_warned_of(option: str, to: str, more: str) -> None:
    assert any(f"{option} has no effect" in text for text in line(f"{option}\n{more}", to).warnings)
    assert not line(option).warnings


async def test_clients_see_their_own_spelling() -> None:
    async with (
        Upstream(answers("192.0.2.1")) as upstream,
        forwarding(f"forward . {upstream.to} {{\n random_case\n}}") as forward,
    ):
        for name in ("www.EXAMPLE.org", "www.example.org") * 5:
            found = await ask(forward, name)
            assert (found.question[:-4], addresses(found)) == (from_text(name), ["192.0.2.1"])
            assert [record.owner for record in found.sections.answer] == [from_text(name)]
        assert len({asked.message.qname for asked in upstream.seen}) > 5


async def test_an_excepted_upstream_is_asked_for_names_as_they_are() -> None:
    async with Upstream(answers("192.0.2.1")) as upstream:
        lines = f"forward . {upstream.to} {{\n random_case except {upstream.to}\n}}"
        async with forwarding(lines) as forward:
            for _ in range(5):
                await ask(forward, "www.example.org")
        assert {asked.message.qname for asked in upstream.seen} == {from_text("www.example.org")}


async def test_an_upstream_that_does_not_keep_the_case_stays_usable() -> None:
    def lowers(asked: Asked) -> list[Step]:
        return [reply(asked, ["192.0.2.1"], name=asked.name.lower())]

    world = World()
    async with Upstream(lowers) as upstream:
        async with forwarding(f"forward . {upstream.to} {{\n random_case\n}}", world) as forward:
            first, second = await ask(forward, "www.example-of-many-letters.org"), await ask(forward, "two.test")
            assert (first.flags & TC, addresses(first)) == (TC, [])
            assert (second.flags & TC, addresses(second)) == (0, ["192.0.2.1"])
        assert world.metric("coredns_forward_unproven_answers_total", upstream.to) == 1


async def test_clients_and_upstreams_never_see_cookies_of_each_other() -> None:
    def bakes(asked: Asked) -> list[Step]:
        edns = asked.message.edns
        assert edns is not None
        found = cookie_of(edns.options)
        assert found is not None
        return [reply(asked, ["192.0.2.1"], opt=write_opt(1232, options=cookie_option(found[0], b"of-the-upstream!")))]

    async with (
        Upstream(bakes) as upstream,
        forwarding(f"forward . {upstream.to} {{\n cookies\n}}") as forward,
    ):
        query = question("www.test", transport="udp").derive(edns=Edns(1232, options=cookie_option(b"client's")))
        assert (await ask_with(forward, query)).options == b""
        assert (await ask(forward)).options == b""
        brought = [cookie_of(asked.message.edns.options) for asked in upstream.seen if asked.message.edns]
        assert [one and one[1] for one in brought] == [b"", b"of-the-upstream!"]
        assert all(one and one[0] != b"client's" for one in brought)
