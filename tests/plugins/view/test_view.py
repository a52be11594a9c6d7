"""view decides per query, by what the query, the client and the parts of the block say."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from resolver.chain.query import Query
from resolver.config.load import load_text
from resolver.errors import ConfigErrors
from resolver.plugins.view.view import View
from resolver.runtime.plan import assemble
from resolver.runtime.routing import Router
from resolver.wire.constants import TYPE_NUMBERS
from resolver.wire.edns import Edns
from resolver.wire.names import from_text
from tests.plugins.chains import World, question


def view(*expressions: str, world: World | None = None, more: str = "") -> View:
    lines = "\n".join(f'  expr "{expression}"' for expression in expressions)
    block = (world or World()).build(f". {{\n view inside {{\n{lines}\n }}\n{more}\n}}\n")
    return next(part for part in block.parts if isinstance(part, View))


def asked(**more: object) -> Query:
    query = Query(
        from_text("WWW.example.org"), TYPE_NUMBERS["AAAA"], message_id=7, client=("192.0.2.9", 4000),
        local=("192.0.2.1", 53), transport="udp", edns=Edns(1232, True), size=44,
    )  # fmt: skip
    return query.derive(**more) if more else query


@pytest.mark.parametrize(
    "expression",
    [
        "name() == 'www.example.org.'", "type() == 'AAAA' && class() == 'IN'", "client_ip() == '192.0.2.9'",
        "port() == '4000'", "server_ip() == '192.0.2.1'", "server_port() == '53'", "proto() == 'udp'",
        "size() == 44", "bufsize() == 1232", "do()", "id() == 7", "opcode() == 0", "metadata('a/b') == ''",
        "incidr(client_ip(), '192.0.2.0/24')", "incidr('::ffff:10.0.0.1', '10.0.0.0/8')",
        "not incidr(client_ip(), '2001:db8::/32')", "incidr('2001:db8::1', '2001:0DB8::/32')",
    ],
)  # fmt: skip
def test_everything_about_a_query_can_be_asked(expression: str) -> None:
    assert view(expression).takes(asked())
    assert not view(f"not ({expression})").takes(asked())


@pytest.mark.parametrize("expression", ["name()", "incidr('x', '10.0.0.0/8')", "incidr(client_ip(), 'x')", "nil", "1"])
def test_what_is_not_true_does_not_take_the_query(expression: str) -> None:
    assert not view(expression).takes(asked())


def test_over_streams_the_buffer_is_as_large_as_a_message() -> None:
    assert view("bufsize() == 65535 and proto() == 'tcp'").takes(asked(transport="tls"))


def test_without_expressions_everything_is_taken_and_with_several_all_must_hold() -> None:
    assert view().takes(asked())
    assert not view("true", "false").takes(asked())


def test_an_expression_that_can_never_be_true_is_told_of_at_the_start() -> None:
    world = World()
    asyncio.run(view("name()", world=world).start())
    assert "view inside takes no query at all: name() is string, not bool" in world.lines[0]


def test_metadata_of_the_block_is_known_to_the_expression() -> None:
    inside = view("metadata('view/name') == 'inside'", more=" metadata")
    query = asked()
    query.metadata = {"view/name": "of another block"}
    assert inside.takes(query)
    assert query.metadata == {"view/name": "inside"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("view", "needs 1 argument"),
        ("view a b", "takes 1 argument"),
        ("view a {\n expr\n}", "at least 1 argument"),
        ("view a {\n expr name( ==\n}", "cannot use expr: unexpected"),
        ("view a {\n expr name() == 5\n}", "mismatched types"),
        ("view a {\n expr nope()\n}", "unknown function nope"),
        ("view a {\n expr name() matches '('\n}", "cannot use regexp"),
        ("view a {\n nonsense\n}", "no option"),
        ("view a\nview b", "only once"),
    ],
)
def test_mistakes_are_refused_with_their_place(body: str, reason: str) -> None:
    with pytest.raises(ConfigErrors, match=reason) as caught:
        World().build(f". {{\n{body}\n}}\n")
    assert all(error.at is not None for error in caught.value.errors)


# --- views and routes


_ANSWER = " template IN ANY {\n  rcode NXDOMAIN\n }\n"


def router(*expressions: str) -> Router:
    """Blocks for example.org with these views, then one without, then one for all other names."""
    blocks = [
        f'example.org {{\n view v{number} {{\n  expr "{expression}"\n }}\n{_ANSWER}}}\n'
        for number, expression in enumerate(expressions)
    ]
    text = "".join(blocks) + f"example.org {{\n{_ANSWER}}}\n. {{\n{_ANSWER}}}\n"
    plan = assemble(load_text(text, environ={}), World().host)
    return next(iter(plan.services.values())).router


def routed(router: Router, query: Query) -> tuple[str, str, bool]:
    """Zone and view of the route, and whether its answers may be replayed."""
    route = router.find(query)
    assert route is not None
    return route.site.zone, route.site.view, asyncio.run(route.handler(query)).replay is not None


def test_the_first_block_whose_view_says_yes_takes_the_query() -> None:
    blocks = router("type() == 'MX'", "type() == 'AAAA'")
    assert routed(blocks, asked()) == ("example.org.", "v1", True)
    assert routed(blocks, question("www.example.org")) == ("example.org.", "", True)


def test_answers_are_not_replayed_where_a_view_has_looked_at_the_client() -> None:
    blocks = router("type() == 'MX'", "client_ip() == '192.0.2.9'")
    assert routed(blocks, question("www.example.org", "MX")) == ("example.org.", "v0", True)
    assert routed(blocks, asked()) == ("example.org.", "v1", False)
    assert routed(blocks, asked(client=("192.0.2.10", 1))) == ("example.org.", "", False)
    assert routed(blocks, question("www.example.net")) == (".", "", True)


def test_the_page_says_which_functions_look_at_the_client() -> None:
    page = Path(__file__).parents[3].joinpath("resolver/plugins/view/README.md").read_text(encoding="utf-8")
    section = page.partition("## Speed")[2].partition("\n## ")[0]
    for expression in ("client_ip() == ''", "port() == ''", "id() == 1", "server_ip() == ''", "metadata('a/b') == ''"):
        assert view(expression).personal
        assert f"`{expression.partition('(')[0]}`" in section
    for expression in ("name() == ''", "type() == ''", "proto() == ''", "do()", "size() == 1", "bufsize() == 1"):
        assert not view(expression).personal
