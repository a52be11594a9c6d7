"""What the tests of the replay store share: questions, answers to them, and a look at what is held."""

from __future__ import annotations

from collections.abc import Iterator

from resolver.replay.entry import Entry
from resolver.replay.store import Store
from resolver.wire.constants import A
from resolver.wire.message import scan
from resolver.wire.names import from_text
from resolver.wire.records import encode, record
from tests.wire.strategies import message

ROOMY = 1 << 20


def question(label: str, message_id: int = 1) -> bytes:
    """A query for A records of ``<label>.test``."""
    return message_id.to_bytes(2, "big") + b"\1\0\0\1\0\0\0\0\0\0" + from_text(f"{label}.test") + b"\0\1\0\1"


def answer(label: str, *ttls: int, mark: int = 0) -> tuple[bytes, tuple[int, ...]]:
    """A whole answer with a record for each TTL, and where the TTLs are; ``mark`` tells answers apart."""
    name = from_text(f"{label}.test")
    body = encode(name, [record(name, A, ttl, bytes((10, mark, 0, last))) for last, ttl in enumerate(ttls)])
    octets = message(name, body)
    return octets, tuple(span.ttl_at for span in scan(octets).spans)


def ttls_of(octets: bytes | None) -> list[int]:
    """The TTLs in an answer."""
    assert octets is not None
    return [one.ttl for one in scan(octets).sections().answer]


def mark_of(octets: bytes | None) -> int:
    """The mark of an answer."""
    assert octets is not None
    return scan(octets).sections().answer[0].rdata[1]


def held(store: Store) -> Iterator[tuple[bytes, Entry]]:
    """Everything that a store still holds, what was given up and not freed yet included."""
    yield from store.young.items()
    yield from store.old.items()
    for owner, entries in store.budget._given_up:
        if owner is store:
            yield from entries.items()


def check_accounts(stores: list[Store]) -> None:
    """What was added up step by step is what a count of everything gives."""
    budget = stores[0].budget
    everything = [entry for store in stores for _, entry in held(store)]
    assert budget.used == sum(entry.size for entry in everything) <= budget.limit
    assert budget.young == sum(entry.size for store in stores for entry in store.young.values()) <= budget.limit // 2
    for store in stores:
        entries = list(held(store))
        tagged = {(tag, key, id(entry)) for tag, of in store._tags._tagged.items() for key, entry in of.items()}
        assert tagged <= {(tag, key, id(entry)) for key, entry in entries for tag in entry.tags}
        live = [*store.young.items(), *store.old.items()]
        assert tagged >= {(tag, key, id(entry)) for key, entry in live for tag in entry.tags}
        assert all(store._tags._tagged.values())
        tallies = {id(entry.tally): entry.tally for _, entry in entries}
        assert {id(tally) for tally in store._tallies._tallies.values()} == set(tallies)
        assert sum(tally.users for tally in tallies.values()) == len(entries)
