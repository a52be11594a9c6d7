"""Addresses that stand beside an answer: in the additional section, and in that of authority."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, from_records
from resolver.plugins.egress_set.answers import told
from resolver.wire.constants import HTTPS, MX, NOERROR, NS, RRSIG, SRV, TYPE_NUMBERS, A
from resolver.wire.names import from_text, to_text
from resolver.wire.records import Record, record
from tests.plugins.chains import answering, question
from tests.plugins.policy.scenes import Scene, records
from tests.plugins.policy.test_feeds import write

DENY = "policy {\n deny .bad.example\n}"
GOOD = records([("mail.good.example", A, "203.0.113.7")])
BAD = records([("Mail.BAD.example", A, "198.51.100.66")])
LEADING = {
    "MX": [record(from_text("good.example"), MX, 60, b"\0\x0a" + from_text("mail.bad.example"))],
    "SRV": [record(from_text("good.example"), SRV, 60, bytes(6) + from_text("mail.bad.example"))],
    "NS": [record(from_text("good.example"), NS, 60, from_text("mail.bad.example"))],
}


async def ask(
    scene: Scene, qtype: str, additional: list[Record], authority: list[Record] | None = None, *,
    answer: list[Record] | None = None, source: str = "forward", client: str = "192.0.2.1",
) -> Reply:  # fmt: skip
    """What the client gets for good.example."""

    def say(query: Query) -> Reply:
        found = LEADING.get(qtype, []) if answer is None else answer
        reply = from_records(query, source, found, authority or [], additional, authoritative=False)
        reply.replay = Replay(math.inf, variants=(reply.body, reply.body))
        return reply

    return await scene.part.resolve(question("good.example", qtype, client=(client, 4711)), answering(say))


def beside(reply: Reply) -> list[str]:
    return [to_text(one.owner) for one in (*reply.sections.authority, *reply.sections.additional)]


@pytest.mark.parametrize("source", ["forward", "file", "kubernetes"])
@pytest.mark.parametrize("qtype", ["MX", "SRV", "NS"])
async def test_addresses_of_denied_names_are_not_told_beside_an_answer(qtype: str, source: str) -> None:
    reply = await ask(Scene(DENY), qtype, [*GOOD, *BAD], source=source)
    assert (reply.rcode, beside(reply)) == (NOERROR, ["mail.good.example."])
    assert (reply.sections.answer, reply.replay is not None) == (LEADING[qtype], True)


async def test_no_variant_of_the_answer_tells_them() -> None:
    reply = await ask(Scene(DENY), "MX", [*GOOD, *BAD])
    assert reply.replay is not None
    assert [body.additionals for body in (reply.body, *reply.replay.variants)] == [1, 1, 1]
    assert set(told((reply.body, *reply.replay.variants), TYPE_NUMBERS["MX"])) == {bytes((203, 0, 113, 7))}


async def test_glue_of_a_referral_is_taken_out_and_the_referral_stays() -> None:
    cut = [record(from_text("sub.good.example"), NS, 60, from_text("mail.bad.example"))]
    reply = await ask(Scene(DENY), "A", BAD, cut, answer=[], source="file")
    assert beside(reply) == ["sub.good.example."]


async def test_addresses_in_the_section_of_authority_are_taken_out_too() -> None:
    reply = await ask(Scene(DENY), "MX", [], BAD)
    assert beside(reply) == []


async def test_signatures_go_with_what_they_sign() -> None:
    signature = record(from_text("mail.bad.example"), RRSIG, 60, A.to_bytes(2, "big") + bytes(20))
    assert beside(await ask(Scene(DENY), "MX", [*GOOD, *BAD, signature])) == ["mail.good.example."]


async def test_what_passes_is_passed_on_untouched() -> None:
    reply = await ask(Scene(DENY), "MX", GOOD)
    untouched = await ask(Scene("policy other.example {\n default deny\n}"), "MX", GOOD)
    assert reply.body == untouched.body


async def test_without_a_rule_the_default_decides_as_for_a_question() -> None:
    scene = Scene("policy {\n default deny\n allow good.example\n allow mail.good.example type AAAA\n}")
    assert beside(await ask(scene, "MX", [*GOOD, *BAD])) == []


async def test_rules_for_some_clients_are_for_what_stands_beside_an_answer_too() -> None:
    scene = Scene("policy {\n deny .bad.example net 192.0.2.0/24\n}")
    assert beside(await ask(scene, "MX", BAD, client="192.0.2.9")) == []
    assert beside(await ask(scene, "MX", BAD, client="203.0.113.9")) == ["Mail.BAD.example."]


async def test_what_is_only_audited_stays() -> None:
    scene = Scene("policy {\n mode audit-only\n deny .bad.example\n}")
    assert beside(await ask(scene, "MX", BAD)) == ["Mail.BAD.example."]


async def test_response_policy_zones_have_a_say(tmp_path: Path) -> None:
    write(tmp_path, "mail.bad.example CNAME .\nmail.good.example CNAME rpz-passthru.\n")
    scene = Scene("policy {\n rpz rpz.test file rpz.db\n}", root=tmp_path)
    await scene.part.start()
    assert beside(await ask(scene, "MX", [*GOOD, *BAD])) == ["mail.good.example."]
    await scene.part.stop()


@pytest.mark.parametrize(("owner", "target"), [("svc.bad.example", "."), ("svc.good.example", "svc.bad.example")])
async def test_hints_reach_neither_clients_nor_the_firewall(owner: str, target: str) -> None:
    hint = b"\0\1" + from_text(target) + b"\0\4\0\4" + bytes((198, 51, 100, 66))
    service = record(from_text(owner), HTTPS, 60, hint)
    reply = await ask(Scene(DENY), "MX", [service])
    assert (beside(reply), told((reply.body,), TYPE_NUMBERS["MX"])) == ([], {})
    if target != ".":  # in the answer itself, it denies the whole
        reply = await ask(Scene(DENY), "HTTPS", BAD, answer=[service])
        assert told((reply.body,), HTTPS) == {}


def test_the_firewall_lets_nothing_through_of_the_section_of_authority() -> None:
    reply = from_records(question("good.example", "MX"), "file", LEADING["MX"], BAD, GOOD)
    assert set(told((reply.body,), MX)) == {bytes((203, 0, 113, 7))}
