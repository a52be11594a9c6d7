"""proxyproto decides whose headers count."""

from __future__ import annotations

import asyncio

import pytest

from resolver.chain.capabilities import ListenSettings
from resolver.chain.proxied import ProxyPolicy
from resolver.config.load import load_text
from resolver.errors import ConfigErrors
from resolver.runtime.plan import assemble
from tests.plugins.chains import World


def policy(*lines: str, world: World | None = None) -> ProxyPolicy:
    part = (world or World()).part(". {\n proxyproto {\n" + "\n".join(lines) + "\n}\n}\n")
    found = part.listen(ListenSettings()).proxy
    assert isinstance(found, ProxyPolicy)
    return found


@pytest.mark.parametrize(
    ("lines", "host", "decision"),
    [
        ((), "10.0.0.1", "use"),
        (("default reject",), "10.0.0.1", "reject"),
        (("allow 10.0.0.0/8",), "10.0.0.1", "use"),
        (("allow 10.0.0.0/8",), "11.0.0.1", "ignore"),
        (("allow 10.0.0.0/8", "allow 2001:db8::/32"), "2001:db8::1", "use"),
        (("allow 10.0.0.0/8 2001:db8::/32", "default SKIP"), "2001:db9::1", "skip"),
        (("allow 10.0.0.1",), "::ffff:10.0.0.1", "use"),
        (("allow fe80::/10",), "fe80::1%eth0", "use"),
        (("default use",), "nonsense", "reject"),
    ],
)
def test_the_decision_is_by_network(lines: tuple[str, ...], host: str, decision: str) -> None:
    assert policy(*lines).decide(host) == decision


def test_sessions_are_tracked_where_that_is_asked_for() -> None:
    assert (policy().track, policy().sessions) == (0.0, 10_240)
    tracked = policy("udp_session_tracking 28s")
    assert (tracked.track, tracked.sessions) == (28.0, 10_240)
    assert policy("udp_session_tracking 28s 20000").sessions == 20_000


@pytest.mark.parametrize(("lines", "warns"), [((), True), (("allow 10.0.0.1",), False), (("default ignore",), False)])
def test_who_believes_everybody_is_warned(lines: tuple[str, ...], warns: bool) -> None:
    world = World()
    part = world.part(". {\n proxyproto {\n" + "\n".join(lines) + "\n}\n}\n")
    asyncio.run(part.start())
    assert any("count from everybody" in line for line in world.lines) is warns


def test_any_block_of_an_address_may_ask_for_it() -> None:
    plan = assemble(load_text("a.test {\n whoami\n}\nb.test {\n proxyproto\n whoami\n}\n", environ={}), World().host)
    (service,) = plan.services.values()
    assert service.settings.proxy is not None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (". {\n proxyproto x\n}", "takes no arguments"),
        (". {\n proxyproto {\n allow x\n}\n}", "is not a network"),
        (". {\n proxyproto {\n allow\n}\n}", "at least 1 argument"),
        (". {\n proxyproto {\n default maybe\n}\n}", "is not known here"),
        (". {\n proxyproto {\n udp_session_tracking x\n}\n}", "is not a duration"),
        (". {\n proxyproto {\n udp_session_tracking 1s 0\n}\n}", "out of range"),
        (". {\n proxyproto\n proxyproto\n}", "only once"),
        ("https3://. {\n proxyproto\n}", "not built for https3://"),
    ],
)
def test_mistakes_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ConfigErrors, match=reason):
        World().build(text + "\n")


def test_clients_that_a_proxy_speaks_for_are_sorted_by_address_family() -> None:
    plain, proxied = (
        assemble(load_text(f". {{\n{line}\n}}\n", environ={}), World().host) for line in ("whoami", "proxyproto")
    )
    (plain_service,), (service,) = plain.services.values(), proxied.services.values()
    (family,) = service.sorters
    assert family("192.0.2.1") == family("198.51.100.1") != family("2001:db8::1")
    assert plain_service.sorters == (), "a socket without a proxy has clients of one family"
