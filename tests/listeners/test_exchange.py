"""Requests and responses of DNS over HTTPS, whichever version of HTTP carries them."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.listeners.exchange import MAX_TARGET, Head, error, freshness, head_of, objection, query_of, response

TYPE = "application/dns-message"
QUERY = dns.message.make_query("www.example.org", "A", id=0).to_wire()
CODED = urlsafe_b64encode(QUERY).decode().rstrip("=")
POST = Head("POST", "/dns-query", TYPE, len(QUERY))


def _get(target: str) -> Head:
    return Head("GET", target, "", 0)


def _answer(*, answer: tuple[str, ...] = (), authority: tuple[str, ...] = (), rcode: str = "NOERROR") -> bytes:
    message = dns.message.make_response(dns.message.from_wire(QUERY))
    message.set_rcode(dns.rcode.from_text(rcode))
    for section, lines in ((message.answer, answer), (message.authority, authority)):
        for line in lines:
            name, ttl, rtype, rdata = line.split(" ", 3)
            section.append(dns.rrset.from_text(name, int(ttl), "IN", rtype, rdata))
    return message.to_wire()


def test_the_message_of_a_post_is_its_body() -> None:
    assert objection(POST) == 0
    assert query_of(POST, QUERY) == QUERY


@pytest.mark.parametrize(
    "target",
    [
        f"/dns-query?dns={CODED}",
        f"/dns-query?ct&dns={CODED}&x=1",
        f"https://dns.example:443/dns-query?dns={CODED}",
        f"/dns-query?dns={CODED[0]}%{ord(CODED[1]):x}{CODED[2:]}",
    ],
)
def test_the_message_of_a_get_is_in_its_url(target: str) -> None:
    assert objection(_get(target)) == 0
    assert query_of(_get(target), b"") == QUERY


@pytest.mark.parametrize(
    "query",
    [
        "",
        "dns=",
        "dns",
        f"name={CODED}",
        f"dns={CODED}&dns={CODED}",
        f"dns={CODED}=",
        f"dns={CODED}!",
        f"dns=+{CODED}",
        f"dns={CODED[: 4 * 4 + 1]}",
        f"dns={CODED[:8]}",
        f"dns={CODED}" + "&x=1" * 30,
    ],
)
def test_a_url_without_one_whole_message_has_no_query(query: str) -> None:
    assert query_of(_get(f"/dns-query?{query}"), b"") == b""


def test_a_message_that_is_no_query_is_not_one() -> None:
    assert query_of(POST, _answer()) == b""
    assert query_of(POST, QUERY[:11]) == b""


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (_get("/"), 404),
        (_get("/dns-query/"), 404),
        (_get("http://[::1/dns-query"), 404),
        (Head("PUT", "/dns-query", TYPE, 20), 405),
        (Head("HEAD", f"/dns-query?dns={CODED}", "", 0), 405),
        (POST._replace(media_type="application/json"), 415),
        (POST._replace(media_type=""), 415),
        (POST._replace(length=65_536), 413),
        (_get("/dns-query?dns=" + "A" * MAX_TARGET), 414),
    ],
)
def test_what_is_wrong_with_a_request_is_said_by_its_status(head: Head, status: int) -> None:
    assert objection(head) == status


def test_the_type_of_the_content_may_have_parameters_and_any_case() -> None:
    head = head_of("POST", "/dns-query", [(b"content-type", b"Application/DNS-Message; charset=utf-8")])
    assert objection(head) == 0


def test_lengths_that_are_no_numbers_are_left_to_the_body() -> None:
    assert head_of("POST", "/dns-query", [(b"content-length", b"-1")]).length == 0
    assert head_of("POST", "/dns-query", [(b"content-length", b"9" * 5000)]).length == 0
    assert head_of("POST", "/dns-query", [(b"content-length", b"70000")]).length == 70_000


def test_caches_may_keep_an_answer_for_its_lowest_ttl() -> None:
    soa = "example.org. 5 SOA ns.example.org. root.example.org. 1 2 3 4 60"
    wire = _answer(
        answer=("www.example.org. 300 CNAME a.example.org.", "a.example.org. 20 A 192.0.2.1"), authority=(soa,)
    )
    assert freshness(wire) == 20
    assert (b"cache-control", b"max-age=20") in response(wire).headers


@given(st.lists(st.sampled_from([0, 1, 20, 300, (1 << 31) - 1]), min_size=1, max_size=5), st.booleans())
def test_the_lowest_ttl_is_found_however_names_are_written(ttls: list[int], compressed: bool) -> None:
    wire = _answer(answer=tuple([f"www.example.org. {ttl} TXT {number}" for number, ttl in enumerate(ttls)]))
    if not compressed:
        end = len(QUERY)
        wire = wire[:end] + wire[end:].replace(b"\xc0\x0c", wire[12 : end - 4])
    assert freshness(wire) == min(ttls)


def test_a_ttl_with_the_highest_bit_set_is_none() -> None:
    """RFC 2181 section 8."""
    wire = bytearray(_answer(answer=("www.example.org. 300 A 192.0.2.1",)))
    wire[-10] = 0x80
    assert freshness(bytes(wire)) == 0


@pytest.mark.parametrize(("ttl", "minimum"), [(300, 60), (60, 300)])
def test_caches_may_keep_a_denial_as_long_as_its_soa_says(ttl: int, minimum: int) -> None:
    soa = f"example.org. {ttl} SOA ns.example.org. root.example.org. 1 2 3 4 {minimum}"
    assert freshness(_answer(authority=(soa,), rcode="NXDOMAIN")) == 60


def test_caches_keep_nothing_else() -> None:
    assert freshness(_answer()) == 0
    assert freshness(_answer(authority=("example.org. 300 NS ns.example.org.",))) == 0
    assert freshness(_answer(answer=("www.example.org. 300 A 192.0.2.1",), rcode="SERVFAIL")) == 0
    assert freshness(_answer(answer=("www.example.org. 300 A 192.0.2.1",))[:-3]) == 0
    assert freshness(b"") == 0


def test_a_query_without_an_answer_is_an_error_of_the_server() -> None:
    assert response(b"").status == 500


def test_methods_that_can_be_used_are_named_to_who_uses_another() -> None:
    assert (b"allow", b"GET, POST") in error(405).headers
