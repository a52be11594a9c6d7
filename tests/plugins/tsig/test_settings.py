"""What the directive tsig and files of keys may say."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import ConfigError, ConfigErrors
from resolver.plugins.tsig.keyfile import read_keys
from resolver.plugins.tsig.settings import Settings
from resolver.wire.constants import AXFR, IXFR, NOTIFY, QUERY
from resolver.wire.names import from_text
from tests.plugins.chains import World

SECRET = "2jBeTA3Hwqn4MDBrk66MJz1hB3O35LVpO+MA8EsnSjc="


def settings(inner: str, args: str = "", root: Path = Path()) -> Settings:
    part = World().build(f"example.org {{\n tsig {args} {{\n {inner}\n }}\n}}", root).parts[0]
    found: Settings = part.settings  # type: ignore[attr-defined]
    return found


def test_keys_are_found_by_name_whatever_their_spelling() -> None:
    found = settings(f"secret Key.Example.ORG {SECRET}\n secret other. c2VjcmV0 hmac-sha512")
    key, other = found.keys[from_text("key.example.org")], found.keys[from_text("other")]
    assert (key.algorithm, len(key.secret)) == (None, 32)
    assert (other.algorithm, other.secret) == (from_text("hmac-sha512"), b"secret")


def test_nothing_is_required_unless_said() -> None:
    found = settings("")
    assert (found.types, found.opcodes) == (frozenset(), frozenset())


def test_types_and_opcodes_can_be_required() -> None:
    found = settings("require AXFR IXFR\n require_opcode NOTIFY QUERY")
    assert found.types == frozenset((AXFR, IXFR))
    assert found.opcodes == frozenset((NOTIFY, QUERY))
    found = settings("require all\n require_opcode all")
    assert (found.types, found.opcodes) == (None, None)
    found = settings("require none\n require_opcode none")
    assert (found.types, found.opcodes) == (frozenset(), frozenset())


def test_zones_are_those_of_the_block_or_ones_own() -> None:
    assert settings("").zones == {from_text("example.org")}
    assert settings("", "a.example.org").zones == {from_text("a.example.org")}


def test_keys_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(
        f'key "a." {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n'
        f"# one more\nkey b.example {{\n\tsecret {SECRET};\n}};\n"
        f'// and\n/* the\n last */ key "c" {{secret "{SECRET}";}};'
    )
    found = settings("secrets keys", root=tmp_path)
    assert list(found.keys) == [from_text("a"), from_text("b.example"), from_text("c")]
    assert found.keys[from_text("a")].algorithm == from_text("hmac-sha256")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("zone x {};", "should begin"),
        ("key", "name of a key is missing"),
        ("key a secret", "{ is missing before 'secret'"),
        ("key a { secret b", "; is missing"),
        ("key a { secret b;", "} is missing"),
        ("key a { };", "has no secret"),
        ("key a { secrets b; };", "neither algorithm nor secret"),
        ('key "a { secret b; };', "not closed"),
    ],
)
def test_mistakes_in_files_are_told(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read_keys(text)


@given(st.text(alphabet='key secret{};"#/*\n', max_size=60))
def test_any_text_is_keys_or_a_mistake(text: str) -> None:
    try:
        assert all(key.secret for key in read_keys(text))
    except ConfigError:
        return


@pytest.mark.parametrize(
    ("inner", "why"),
    [
        ("secret a", "2 to 3 arguments"),
        ("secret a ***", "not base64"),
        ('secret a ""', "empty"),
        (f"secret a {SECRET} hmac-md5", "not known or not safe"),
        (f"secret a..b {SECRET}", "empty label"),
        (f"secret a {SECRET}\n secret A. {SECRET}", "given twice"),
        ("secrets nowhere", "cannot read nowhere"),
        ("require", "at least 1 argument"),
        ("require NOPE", "NOPE"),
        ("require all AXFR", "nothing may follow"),
        ("require_opcode DANCE", "DANCE"),
        ("verify", "no option"),
    ],
)
def test_mistakes_are_told(inner: str, why: str) -> None:
    with pytest.raises(ConfigErrors, match=why):
        settings(inner)
