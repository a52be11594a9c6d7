"""What forward lines say about encryption."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from resolver.errors import ConfigErrors
from resolver.plugins.forward.settings import Line
from resolver.upstream.address import Address
from resolver.upstream.targets import HostName
from tests.plugins.chains import World

PIN = "sha256/" + b64encode(bytes(range(32))).decode()
OTHER_PIN = "sha256/" + b64encode(bytes(32)).decode()


def line(to: str, options: str = "", root: Path = Path()) -> Line:
    found: tuple[Line, ...] = World().part(f". {{\nforward . {to} {{\n{options}\n}}\n}}\n", root)._settings
    return found[0]


def mistake(to: str, options: str = "", root: Path = Path()) -> str:
    with pytest.raises(ConfigErrors) as caught:
        line(to, options, root)
    (error,) = caught.value.errors
    return error.message


# --- mixed


@pytest.mark.parametrize("encrypted", ["tls://192.0.2.1", "https://192.0.2.1", "tls://dns.test", "https://dns.test/q"])
@pytest.mark.parametrize("plain", ["192.0.2.2", "dns://192.0.2.2:54", "plain.test", "up.conf"])
def test_plain_upstreams_beside_encrypted_ones_must_be_asked_for(encrypted: str, plain: str, tmp_path: Path) -> None:
    (tmp_path / "up.conf").write_text("nameserver 192.0.2.9\n")
    for to in (f"{encrypted} {plain}", f"{plain} {encrypted}"):
        words = f"{plain} is asked in the clear while other upstreams of the line are encrypted"
        assert mistake(to, root=tmp_path) == words
        assert len(line(to, "mixed", tmp_path).targets) == 2


def test_encrypted_upstreams_of_several_protocols_are_not_mixed() -> None:
    assert len(line("tls://192.0.2.1 https://192.0.2.2").targets) == 2


def test_mixed_without_two_kinds_is_warned_of() -> None:
    assert "mixed has no effect" in line("192.0.2.1 192.0.2.2", "mixed").warnings[0]
    assert "mixed has no effect" in line("tls://192.0.2.1 https://192.0.2.2", "mixed").warnings[0]
    assert line("192.0.2.1 tls://192.0.2.2", "mixed").warnings == ()


def test_other_lines_of_the_block_may_be_plain() -> None:
    text = ". {\nforward corp.test 192.0.2.1\nforward . tls://192.0.2.2\n}\n"
    assert len(World().part(text)._settings) == 2


# --- pins


def test_pins_are_the_digests_of_keys() -> None:
    tls = line("tls://192.0.2.1", f"tls_pin {PIN} {OTHER_PIN}").tls
    assert tls.pins == {bytes(range(32)), bytes(32)}
    assert not tls.pin_only
    assert line("tls://192.0.2.1", f"tls_pin {PIN}\ntls_pin {OTHER_PIN}\ntls_pin_only").tls.pin_only


@pytest.mark.parametrize(
    "pin", ["sha256/", "sha256/short", PIN[:-4], PIN + "AAAA", PIN.replace("sha256", "sha1"), PIN[7:], "sha256/é"]
)
def test_what_is_no_pin_is_refused(pin: str) -> None:
    assert mistake("tls://192.0.2.1", f"tls_pin {pin}") == f"{pin} is not a pin"


def test_to_trust_a_pin_alone_there_must_be_one() -> None:
    assert mistake("tls://192.0.2.1", "tls_pin_only") == "tls_pin_only needs tls_pin"


# --- the rest


def test_padding_is_on_unless_it_is_switched_off() -> None:
    assert line("tls://192.0.2.1").tls.padding
    assert line("tls://192.0.2.1", "padding on").tls.padding
    assert not line("tls://192.0.2.1", "padding off").tls.padding


def test_the_method_is_for_all_upstreams_over_https() -> None:
    found = line("https://192.0.2.1 https://dns.test/q tls://192.0.2.3", "doh_method GET").targets
    assert [target.method for target in found if isinstance(target, Address | HostName)] == ["GET"] * 3
    assert [target.method for target in line("https://192.0.2.1").targets if isinstance(target, Address)] == ["POST"]


def test_tls_servername_is_for_https_too() -> None:
    (found,) = line("https://192.0.2.1", "tls_servername dns.test").targets
    assert found == Address("192.0.2.1", 443, "https", "dns.test", "/dns-query")
    assert "clash" in mistake("https://192.0.2.1%other.test", "tls_servername dns.test")


@pytest.mark.parametrize(
    "option", [f"tls_pin {PIN}", "padding off", "doh_method GET", "tls_servername dns.test", "tls"]
)
def test_options_without_an_encrypted_upstream_are_warned_of(option: str) -> None:
    assert f"{option.split()[0]} has no effect" in line("192.0.2.1", option).warnings[0]


def test_doh_method_over_tls_alone_is_warned_of() -> None:
    assert "no upstream is reached over https://" in line("tls://192.0.2.1", "doh_method GET").warnings[0]
