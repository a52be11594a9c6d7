"""Signatures, with dnspython as the other side."""

from __future__ import annotations

import time
from typing import Any

import dns.message
import dns.name
import dns.rcode
import dns.tsig
import pytest
from dns.rdtypes.ANY.TSIG import TSIG
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.wire.constants import BADKEY, BADTIME, BADTRUNC, NOERROR
from resolver.wire.message import scan
from resolver.wire.names import from_text, to_text
from resolver.wire.tsig import (
    ALGORITHMS,
    BADSIG,
    Key,
    Signature,
    Signer,
    Verifier,
    append,
    error_name,
    read_signature,
    room_of,
    verify,
)

NOW = 1_700_000_000
theirs_type: Any = TSIG
theirs_sign: Any = dns.tsig.sign
SECRET = bytes(range(32))
NAME = from_text("key.example.org")
KEY = Key(NAME, SECRET)
KEYS = pytest.mark.parametrize("algorithm", ALGORITHMS, ids=[to_text(name) for name in ALGORITHMS])


def question(name: str = "www.example.org") -> bytes:
    return b"\x12\x34\x01\0\0\1\0\0\0\0\0\0" + from_text(name) + b"\0\1\0\1"


def answer(number: int = 0) -> bytes:
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2" + bytes((number,))
    return b"\x12\x34\x85\0\0\1\0\1\0\0\0\0" + question()[12:] + record


def theirs(algorithm: bytes) -> Any:
    return dns.tsig.Key(dns.name.from_text("key.example.org."), SECRET, dns.name.from_text(to_text(algorithm)))


def signed(octets: bytes, key: Key = KEY, now: int = NOW, algorithm: bytes | None = None) -> bytes:
    return Signer(key, algorithm).sign(octets, now)


def signature_on(octets: bytes) -> Signature:
    signature = read_signature(scan(octets))
    assert signature is not None
    return signature


def check(octets: bytes, key: Key | None = KEY, now: int = NOW, request: bytes = b"") -> int:
    return verify(octets, signature_on(octets), key, now, request)


def with_mac(octets: bytes, mac: bytes) -> bytes:
    """The message with another MAC in its signature."""
    signature = signature_on(octets)
    unsigned = octets[:10] + b"\0\0" + octets[12 : signature.start]
    return append(unsigned, signature._replace(mac=mac))


@KEYS
def test_dnspython_believes_a_signed_query(algorithm: bytes) -> None:
    octets = signed(question(), algorithm=algorithm, now=int(time.time()))
    message = dns.message.from_wire(octets, keyring=theirs(algorithm))
    assert message.had_tsig
    assert message.tsig_error == dns.rcode.NOERROR


@KEYS
def test_a_query_that_dnspython_signed_is_believed_and_its_answer_too(algorithm: bytes) -> None:
    query = dns.message.make_query("www.example.org.", "A")
    query.use_tsig(theirs(algorithm))
    octets = query.to_wire()
    signature = signature_on(octets)
    assert verify(octets, signature, KEY, int(time.time())) == NOERROR
    reply = Signer(KEY, signature.algorithm, signature.mac).sign(octets[:2] + answer()[2:], int(time.time()))
    assert dns.message.from_wire(reply, keyring=query.keyring, request_mac=query.mac).had_tsig


def test_dnspython_believes_each_message_of_a_transfer() -> None:
    query = signed(question(), now=int(time.time()))
    mac, context = signature_on(query).mac, None
    signer = Signer(KEY, None, mac)
    for number in range(5):
        octets = signer.sign(answer(number), int(time.time()))
        message = dns.message.from_wire(
            octets,
            keyring=theirs(from_text("hmac-sha256")),
            request_mac=mac,
            multi=True,
            tsig_ctx=context,
            xfr=True,
        )
        assert message.had_tsig
        context = message.tsig_ctx


def dnspython_transfer(signed_ones: set[int], count: int) -> tuple[Signer, list[bytes]]:
    """A signed query, and the messages of the answer as dnspython signs some of them."""
    signer = Signer(KEY)
    signer.sign(question(), int(time.time()))
    key = theirs(from_text("hmac-sha256"))
    messages, context = [], None
    for number in range(count):
        octets = answer(number)
        if number in signed_ones:
            rdata = theirs_type(255, 250, key.algorithm, int(time.time()), 300, b"", 0x1234, 0, b"")
            made, context = theirs_sign(octets, key, rdata, int(time.time()), signer.mac, context, True)
            stub = Signature(
                0, NAME, from_text("hmac-sha256"), made.time_signed, made.fudge, made.mac, b"\x12\x34", 0, b""
            )
            octets = append(octets, stub)
        elif context is not None:
            context.update(octets)
        messages.append(octets)
    return signer, messages


def test_not_each_message_of_a_transfer_has_to_be_signed() -> None:
    signer, messages = dnspython_transfer({0, 3, 7}, 8)
    verifier = Verifier(KEY, signer.mac)
    for octets in messages:
        verifier.take(scan(octets), int(time.time()))
    assert verifier.is_complete


def test_a_transfer_whose_end_is_not_signed_is_not_complete() -> None:
    signer, messages = dnspython_transfer({0, 3}, 6)
    verifier = Verifier(KEY, signer.mac)
    for octets in messages:
        verifier.take(scan(octets), int(time.time()))
    assert not verifier.is_complete


def test_a_transfer_whose_messages_change_places_is_not_believed() -> None:
    signer, messages = dnspython_transfer({0, 3}, 4)
    verifier = Verifier(KEY, signer.mac)
    for octets in (messages[0], messages[2], messages[1]):
        verifier.take(scan(octets), int(time.time()))
    with pytest.raises(WireError, match="BADSIG"):
        verifier.take(scan(messages[3]), int(time.time()))


def test_the_first_answer_has_to_be_signed() -> None:
    with pytest.raises(WireError, match="not signed"):
        Verifier(KEY, b"x" * 32).take(scan(answer()), NOW)


def test_no_more_than_ninety_nine_messages_go_unsigned() -> None:
    signer, messages = dnspython_transfer({0}, 101)
    verifier = Verifier(KEY, signer.mac)
    for octets in messages[:100]:
        verifier.take(scan(octets), int(time.time()))
    with pytest.raises(WireError, match="not signed"):
        verifier.take(scan(messages[100]), int(time.time()))


@pytest.mark.parametrize(
    ("key", "error"),
    [
        (KEY, NOERROR),
        (None, BADKEY),
        (Key(NAME, SECRET, from_text("hmac-sha512")), BADKEY),
        (Key(NAME, b"another"), BADSIG),
    ],
)
def test_a_key_is_for_whom_it_is(key: Key | None, error: int) -> None:
    assert check(signed(question()), key) == error


def test_an_algorithm_that_is_not_known_is_a_bad_key() -> None:
    octets = signed(question())
    stub = signature_on(octets)._replace(algorithm=from_text("hmac-md5.sig-alg.reg.int"))
    assert check(append(question(), stub)) == BADKEY


@pytest.mark.parametrize(("away", "error"), [(-301, BADTIME), (-300, NOERROR), (300, NOERROR), (301, BADTIME)])
def test_clocks_may_differ_by_the_fudge(away: int, error: int) -> None:
    assert check(signed(question()), now=NOW + away) == error


@pytest.mark.parametrize(("length", "error"), [(32, NOERROR), (31, BADTRUNC), (16, BADTRUNC)])
def test_a_shortened_mac_is_told_apart_from_a_wrong_one(length: int, error: int) -> None:
    octets = signed(question())
    assert check(with_mac(octets, signature_on(octets).mac[:length])) == error


@pytest.mark.parametrize("length", [0, 9, 15, 33])
def test_a_mac_of_an_impossible_length_is_malformed(length: int) -> None:
    octets = signed(question())
    with pytest.raises(WireError, match="length"):
        check(with_mac(octets, (signature_on(octets).mac * 2)[:length]))


def test_half_of_a_short_algorithm_is_still_ten_octets() -> None:
    octets = signed(question(), algorithm=from_text("hmac-sha1"))
    assert check(with_mac(octets, signature_on(octets).mac[:10])) == BADTRUNC
    with pytest.raises(WireError, match="length"):
        check(with_mac(octets, signature_on(octets).mac[:9]))


@given(st.integers(min_value=2, max_value=10_000), st.integers(0, 7))
def test_whatever_bit_changes_is_noticed(place: int, bit: int) -> None:
    octets = bytearray(signed(question()))
    place = 2 + place % (len(octets) - 2)  # the ID may change on the way (RFC 8945 section 4.3.2)
    octets[place] ^= 1 << bit
    changed = bytes(octets)
    try:
        signature = read_signature(scan(changed))
        error = BADSIG if signature is None else verify(changed, signature, KEY, NOW)
    except WireError:
        return
    is_spelling = changed.lower() == signed(question()).lower() and place >= len(question())
    assert error != NOERROR or is_spelling or (signature is not None and signature.name != KEY.name)


@given(st.binary(max_size=80), st.integers(0, 65535), st.integers(0, 3))
def test_any_rdata_is_a_signature_or_an_error(rdata: bytes, rclass: int, ttl: int) -> None:
    record = NAME + b"\0\xfa" + rclass.to_bytes(2, "big") + ttl.to_bytes(4, "big") + len(rdata).to_bytes(2, "big")
    octets = question()[:10] + b"\0\1" + question()[12:] + record + rdata
    try:
        assert read_signature(scan(octets)) is not None
    except WireError:
        return
    assert rclass == 255
    assert ttl == 0


def test_a_message_without_a_signature_has_none() -> None:
    assert read_signature(scan(question())) is None


def test_a_signature_stands_in_the_additional_section() -> None:
    octets = signed(question())
    moved = octets[:6] + b"\0\1\0\0\0\0" + octets[12:]
    with pytest.raises(WireError, match="section"):
        scan(moved)


def test_a_message_without_room_is_not_signed() -> None:
    with pytest.raises(WireError, match="room"):
        signed(question() + bytes(65_500))


@KEYS
def test_the_room_that_a_signature_takes_is_known(algorithm: bytes) -> None:
    octets = Signer(KEY, algorithm).sign(question(), NOW, error=BADTIME, other=bytes(6))
    assert len(octets) - len(question()) == room_of(NAME, algorithm)


def test_a_secret_is_not_shown() -> None:
    assert repr(SECRET) not in repr(KEY)


def test_errors_have_names() -> None:
    assert [error_name(error) for error in (BADSIG, BADKEY, 5)] == ["BADSIG", "BADKEY", "5"]
