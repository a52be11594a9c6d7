"""Questions that a chain puts to the server itself."""

from __future__ import annotations

from resolver.chain.query import Query, Site
from resolver.chain.reply import Reply, failure
from resolver.runtime.routing import Route, Router
from resolver.runtime.within import MAX_DEPTH, asking
from resolver.wire.constants import NOERROR, REFUSED, SERVFAIL
from resolver.wire.names import from_text
from tests.plugins.chains import question

HERE = Site("dns://:53", "cluster.local.")


async def test_the_block_of_the_target_answers_and_not_that_of_the_client() -> None:
    asked: list[Query] = []

    async def outside(query: Query) -> Reply:
        asked.append(query)
        return failure(query, "forward", NOERROR)

    router = Router()
    router.add(Route(from_text("."), Site("dns://:53", "."), outside))
    reply = await asking({"dns://:53": router}.get)(_derived("www.example.org", depth=1))
    assert (reply.source, asked[0].site.zone, asked[0].depth) == ("forward", ".", 1)


async def test_questions_cannot_go_in_circles() -> None:
    router = Router()
    ask = asking({"dns://:53": router}.get)

    async def alias_of_itself(query: Query) -> Reply:
        return await ask(query.derive(depth=query.depth + 1))

    router.add(Route(from_text("."), HERE, alias_of_itself))
    reply = await ask(_derived("loop.example.org", depth=1))
    assert (reply.rcode, reply.error) == (SERVFAIL, f"more than {MAX_DEPTH} questions to answer one")


async def test_a_name_outside_of_all_blocks_is_refused() -> None:
    assert (await asking({"dns://:53": Router()}.get)(_derived("www.example.org", depth=1))).rcode == REFUSED


async def test_a_listener_that_is_gone_refuses() -> None:
    assert (await asking(lambda label: None)(_derived("www.example.org", depth=1))).rcode == REFUSED


def _derived(name: str, depth: int) -> Query:
    return question("web.prod.svc.cluster.local").derive(qname=from_text(name), site=HERE, depth=depth)
