"""autopath: one question stands for a walk along the search path."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure, from_records, silence
from resolver.plugins.autopath import Autopath
from resolver.wire.constants import AD, CNAME, MAX_NAME, NOERROR, NXDOMAIN, REFUSED, SERVFAIL, A
from resolver.wire.edns import extended_error
from resolver.wire.names import from_text
from resolver.wire.records import encode, record
from tests.plugins.autopath.paths import (
    ADDRESS,
    DENIAL,
    Below,
    lines,
    with_file,
)
from tests.plugins.chains import World, question


async def test_the_first_name_that_exists_is_the_answer_behind_an_alias(tmp_path: Path) -> None:
    below = Below("www.two.test", "www")
    reply = await (await with_file(tmp_path)).resolve(question("WwW.One.test"), below)
    assert (reply.rcode, reply.question) == (NOERROR, question("WwW.One.test").question)
    assert lines(reply) == ["WwW.One.test. 60 CNAME WwW.two.test.", "WwW.two.test. 60 A"]
    assert below.asked == ["www.one.test", "www.two.test"]


async def test_the_name_without_any_suffix_is_tried_last(tmp_path: Path) -> None:
    below = Below("api.example.org")
    reply = await (await with_file(tmp_path)).resolve(question("api.example.org.one.test"), below)
    assert lines(reply)[0] == "api.example.org.one.test. 60 CNAME api.example.org."
    assert below.asked == ["api.example.org.one.test", "api.example.org.two.test", "api.example.org"]


async def test_a_name_that_exists_as_asked_is_passed_through(tmp_path: Path) -> None:
    below = Below("www.one.test", leave=Replay(math.inf))
    reply = await (await with_file(tmp_path)).resolve(question("www.one.test"), below)
    assert lines(reply) == ["www.one.test. 60 A"]
    assert reply.replay is not None


async def test_where_no_name_exists_the_first_denial_is_the_answer(tmp_path: Path) -> None:
    query = question("none.one.test")
    reply = await (await with_file(tmp_path)).resolve(query, Below())
    assert (reply.rcode, reply.question, lines(reply)) == (NXDOMAIN, query.question, [])
    assert reply.sections.authority == [DENIAL]


async def test_a_name_without_records_of_the_type_ends_the_walk_without_an_alias(tmp_path: Path) -> None:
    below = Below("www.two.test", "www")
    reply = await (await with_file(tmp_path)).resolve(question("www.one.test", "AAAA"), below)
    assert (reply.rcode, lines(reply), reply.sections.authority) == (NOERROR, [], [DENIAL])
    assert below.asked == ["www.one.test", "www.two.test"]


@pytest.mark.parametrize("name", ["www.two.test", "one.test", "phone.test", "example.org"])
async def test_names_that_are_not_below_the_first_element_only_pass(name: str, tmp_path: Path) -> None:
    below = Below(leave=Replay(math.inf))
    reply = await (await with_file(tmp_path)).resolve(question(name), below)
    assert (below.asked, reply.rcode) == ([name], NXDOMAIN)
    assert reply.replay is not None


async def test_names_outside_of_the_zones_only_pass(tmp_path: Path) -> None:
    below = Below("www.two.test")
    part = await with_file(tmp_path, zones="sub.one.test")
    await part.resolve(question("www.one.test"), below)
    assert below.asked == ["www.one.test"]
    await part.resolve(question("www.sub.one.test"), below)
    assert below.asked[1:] == ["www.sub.one.test", "www.sub.two.test", "www.sub"]


async def test_the_walk_ends_with_a_failure(tmp_path: Path) -> None:
    below = Below("www")
    query = question("www.one.test")
    below.replies["www.two.test"] = failure(query, "", SERVFAIL, ede=22, text="no upstream", error="no upstream")
    reply = await (await with_file(tmp_path)).resolve(query, below)
    assert (reply.rcode, reply.options, reply.error) == (SERVFAIL, extended_error(22, "no upstream"), "no upstream")
    assert (reply.question, below.asked) == (query.question, ["www.one.test", "www.two.test"])


async def test_a_refusal_by_policy_ends_the_walk(tmp_path: Path) -> None:
    below = Below("www")
    query = question("www.one.test")
    below.replies["www.two.test"] = failure(query.derive(qname=from_text("www.two.test")), "acl", REFUSED)
    reply = await (await with_file(tmp_path)).resolve(query, below)
    assert (reply.rcode, reply.question) == (REFUSED, query.question)


async def test_a_directive_that_had_nothing_to_say_does_not_end_the_walk(tmp_path: Path) -> None:
    below = Below("www")
    query = question("www.one.test")
    below.replies["www.one.test"] = below.replies["www.two.test"] = failure(query, "")
    assert lines(await (await with_file(tmp_path)).resolve(query, below)) == [
        "www.one.test. 60 CNAME www.",
        "www. 60 A",
    ]


async def test_what_nobody_knows_anything_of_is_answered_like_the_first_name(tmp_path: Path) -> None:
    below = Below()
    query = question("www.one.test")
    below.replies["www.one.test"] = failure(query, "")
    assert (await (await with_file(tmp_path)).resolve(query, below)).rcode == SERVFAIL


async def test_names_that_would_be_too_long_are_left_out(tmp_path: Path) -> None:
    label = "a" * 63
    part = await with_file(tmp_path, "search t " + ".".join([label] * 2))
    front = f"{label}.{label}.{'b' * 50}"
    below = Below()
    await part.resolve(question(f"{front}.t"), below)
    assert below.asked == [f"{front}.t", front]
    assert len(from_text(front)) + len(from_text(".".join([label] * 2))) > MAX_NAME


async def test_each_name_is_tried_once(tmp_path: Path) -> None:
    below = Below()
    await (await with_file(tmp_path, "search one.test two.test one.test two.test .")).resolve(
        question("www.one.test"), below
    )
    assert below.asked == ["www.one.test", "www.two.test", "www"]


async def test_an_alias_of_the_found_name_stays_behind_ours(tmp_path: Path) -> None:
    below = Below()
    query = question("www.one.test")
    found = query.derive(qname=from_text("www.two.test"))
    target = from_text("target.test")
    answer = [record(found.qname, CNAME, 20, target), record(target, A, 60, ADDRESS)]
    below.replies["www.two.test"] = from_records(found, "below", answer)
    assert lines(await (await with_file(tmp_path)).resolve(query, below)) == [
        "www.one.test. 20 CNAME www.two.test.", "www.two.test. 20 CNAME target.test.", "target.test. 60 A",
    ]  # fmt: skip


async def test_an_answer_behind_an_alias_is_not_called_authentic(tmp_path: Path) -> None:
    below = Below()
    query = question("www.one.test")
    below.replies["www.two.test"] = found = from_records(query.derive(qname=from_text("www.two.test")), "below")
    found.flags |= AD
    assert not (await (await with_file(tmp_path)).resolve(query, below)).flags & AD


async def test_an_answer_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    below = Below()
    query = question("www.one.test")
    name = from_text("www.two.test")
    body = encode(name, [record(name, A, 60, ADDRESS)])._replace(data=b"\xc0\xff" + bytes(20))
    below.replies["www.two.test"] = Reply(query.derive(qname=name).question, source="forward", octets=body)
    reply = await (await with_file(tmp_path)).resolve(query, below)
    assert reply.rcode == SERVFAIL
    assert "cannot be read" in reply.error


async def test_a_client_that_is_not_to_be_answered_for_a_name_is_not_answered(tmp_path: Path) -> None:
    below = Below()
    query = question("www.one.test")
    below.replies["www.two.test"] = silence(query.derive(qname=from_text("www.two.test")), "acl")
    assert (await (await with_file(tmp_path)).resolve(query, below)).silent


async def test_a_walk_that_takes_too_long_ends_in_a_failure(tmp_path: Path) -> None:
    now = [0.0]
    below = Below("www")
    (tmp_path / "search.conf").write_text("search one.test two.test\n")
    part: Autopath = World(clock=lambda: now[0]).part(". {\n autopath search.conf\n}\n", tmp_path)
    await part.start()

    async def slow(query: Query) -> Reply:
        now[0] += 3.0
        return await below(query)

    reply = await part.resolve(question("www.one.test"), slow)
    assert (reply.rcode, below.asked) == (SERVFAIL, ["www.one.test", "www.two.test"])
    assert "too long" in reply.error
