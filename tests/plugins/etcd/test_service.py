"""What values say, and which services belong together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError, ZoneError
from resolver.plugins.etcd.service import Service, grouped, read_service
from resolver.wire.names import from_text

PATH = (b"test", b"skydns", b"web", b"x1")


def test_every_field_is_read() -> None:
    value = (
        b'{"host":"Dev.server1","port":8080,"priority":5,"weight":7,"text":"t","mail":true,"ttl":60,"targetstrip":2,'
        b'"group":"g","other":[1]}'
    )
    target = from_text("Dev.server1")
    assert read_service(PATH, value, 9) == Service(PATH, None, target, 8080, 5, 7, "t", True, 60, 2, "g", 9)


def test_what_is_left_out_has_its_default() -> None:
    found = read_service(PATH, b'{"text":null}', 0)
    assert (found.priority, found.ttl, found.has_host, found.text) == (10, 0, False, "")


@pytest.mark.parametrize(
    ("host", "octets"),
    [("192.0.2.1", "c0000201"), ("::1", "00" * 15 + "01"), ("::ffff:192.0.2.1", "c0000201")],
)
def test_hosts_that_are_addresses(host: str, octets: str) -> None:
    found = read_service(PATH, f'{{"host":"{host}"}}'.encode(), 0)
    assert (found.address, found.target) == (bytes.fromhex(octets), None)


@pytest.mark.parametrize(
    "value",
    [
        b"", b"[]", b"7", b"\xff", b'{"host":1}', b'{"port":65536}', b'{"port":-2}', b'{"weight":-1}', b'{"ttl":1.5}',
        b'{"port":true}', b'{"mail":1}', b'{"host":"a..b"}', b'{"text":["a"]}', b'{"targetstrip":1000}',
        b'{"text":"' + b"x" * 70_000 + b'"}', b"[" * 60_000,
    ],
)  # fmt: skip
def test_values_that_make_no_sense(value: bytes) -> None:
    with pytest.raises(ZoneError):
        read_service(PATH, value, 0)


@given(st.binary(max_size=80) | st.text(max_size=40).map(lambda text: f'{{"host":"{text}"}}'.encode()))
def test_any_value_is_a_service_or_an_error(value: bytes) -> None:
    try:
        assert isinstance(read_service(PATH, value, 0), Service)
    except ZoneError:
        return


def test_keys_become_names() -> None:
    one = Service(PATH, b"\1\2\3\4", None)
    assert one.own_name == from_text("x1.web.skydns.test")
    assert one._replace(path=(b"test", b"", b"x")).own_name == from_text("x.test")
    with pytest.raises(WireError):
        _ = one._replace(path=(b"x" * 64,)).own_name


@pytest.mark.parametrize(
    ("strip", "left"), [(0, "a.b.test"), (1, "b.test"), (2, "test"), (3, "a.b.test"), (9, "a.b.test")]
)
def test_labels_are_taken_off(strip: int, left: str) -> None:
    assert Service(PATH, None, None, strip=strip).stripped(from_text("a.b.test")) == from_text(left)


def of(group: str, *path: bytes) -> Service:
    return Service(path, b"\1\2\3\4", None, group=group)


def test_the_shortest_key_settles_the_group() -> None:
    first, deep, other = of("g1", b"a"), of("g1", b"s", b"b"), of("g2", b"s", b"b")
    plain = of("", b"s", b"c")
    assert grouped([first, deep]) == [first, deep]
    assert grouped([first, other]) == [first]
    assert grouped([other, first]) == [first]
    assert grouped([first, plain]) == [first, plain]
    assert grouped([first, of("g2", b"b")]) == [first, of("g2", b"b")]
    assert grouped([plain, deep]) == [plain, deep]
    assert grouped([]) == []
