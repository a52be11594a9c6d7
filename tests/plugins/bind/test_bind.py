"""bind: the addresses on which a block listens."""

from __future__ import annotations

import pytest

from resolver.chain.capabilities import Listening, ListenSettings
from resolver.config.load import load_text
from resolver.errors import ConfigError, ConfigErrors
from resolver.plugins.bind.settings import parse
from tests.plugins.chains import World

MACHINE = {
    "lo": ("127.0.0.1", "::1"),
    "eth0": ("192.0.2.2", "2001:db8::2", "fe80::1%eth0"),
    "dummy0": (),
}


def addresses(line: str) -> tuple[str, ...]:
    directive = load_text(". {\n" + line + "\n}\n", environ={}).blocks[0].directives[0]
    return parse(directive, lambda: MACHINE)


def test_addresses_are_taken_as_they_are() -> None:
    assert addresses("bind 127.0.0.1 ::1 10.0.0.1") == ("127.0.0.1", "::1", "10.0.0.1")


def test_addresses_are_written_in_one_way_only() -> None:
    assert addresses("bind 2001:DB8:0:0::1 2001:db8::1") == ("2001:db8::1",)


def test_an_ipv4_address_in_ipv6_clothing_is_an_ipv4_address() -> None:
    assert addresses("bind ::ffff:127.0.0.1 127.0.0.1 ::1") == ("127.0.0.1", "::1")


def test_an_interface_stands_for_its_addresses() -> None:
    assert addresses("bind eth0 lo") == (*MACHINE["eth0"], *MACHINE["lo"])


def test_a_link_local_address_may_name_its_interface() -> None:
    assert addresses("bind fe80::5%eth1") == ("fe80::5%eth1",)


def test_except_leaves_out_addresses_and_interfaces() -> None:
    assert addresses("bind lo {\n except 127.0.0.1\n}") == ("::1",)
    assert addresses("bind lo eth0 {\n except lo fe80::1%eth0\n except 192.0.2.2\n}") == ("2001:db8::2",)


def test_all_lines_of_a_block_add_up() -> None:
    part = World().part(". {\n bind 127.0.0.1 ::1\n bind ::1 127.0.0.2\n}\n")
    assert isinstance(part, Listening)
    assert part.listen(ListenSettings(idle_timeout=7.0)) == ListenSettings(
        ("127.0.0.1", "::1", "127.0.0.2"), idle_timeout=7.0
    )


def test_except_concerns_its_own_line_only() -> None:
    part = World().part(". {\n bind 127.0.0.1 127.0.0.2 {\n except 127.0.0.2\n }\n bind 127.0.0.2\n}\n")
    assert part.addresses == ("127.0.0.1", "127.0.0.2")


def test_the_loopback_interface_of_this_machine_is_known() -> None:
    assert "127.0.0.1" in World().part(". {\n bind lo\n}\n").addresses


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("bind", "bind needs at least 1 argument"),
        ("bind ethO", "ethO is neither an IP address nor an interface of this machine (did you mean eth0?)"),
        ("bind 1.2.3", "1.2.3 is neither"),
        ("bind lo {\n except wlan0\n}", "wlan0 is neither"),
        ("bind lo {\n except\n}", "except needs at least 1 argument"),
        ("bind lo {\n excpet lo\n}", "did you mean except?"),
        ("bind lo {\n except lo\n}", "no address is left"),
        ("bind dummy0", "no address is left"),
    ],
)
def test_mistakes_are_found(line: str, message: str) -> None:
    with pytest.raises((ConfigError, ConfigErrors)) as caught:
        addresses(line)
    assert message in str(caught.value)
