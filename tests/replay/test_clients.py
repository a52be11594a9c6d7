"""Answers are kept for each group of clients by itself, and for nobody whose group is not settled."""

from __future__ import annotations

import math
import socket
from collections.abc import Hashable

from resolver.chain.capabilities import UNSETTLED
from resolver.chain.reply import Replay
from resolver.replay.clients import Clients
from resolver.replay.store import Stores

LOCAL = ("127.0.0.1", 53)
QUERY = b"\0\7question"


def keep(clients: Clients, host: str, answer: bytes) -> None:
    store = clients.of(host)
    assert store is not None
    store.add(QUERY, [(b"\0\7" + answer, ())], Replay(math.inf), 1.0)


def told(clients: Clients, host: str) -> bytes | None:
    store = clients.of(host)
    return None if store is None else store.replay_any(QUERY, (host, 4242), LOCAL, "udp", 2.0)


def last_octet(host: str) -> Hashable:
    return host.rpartition(".")[2]


def test_while_nobody_sorts_them_all_clients_get_the_same() -> None:
    clients = Clients(Stores(1 << 20))
    keep(clients, "10.0.0.1", b"one")
    assert told(clients, "10.0.0.2") == b"\0\7one"


def test_a_group_gets_its_own_answers_and_never_those_of_another() -> None:
    clients = Clients(Stores(1 << 20), (last_octet,))
    keep(clients, "10.0.0.1", b"one")
    assert told(clients, "10.0.9.1") == b"\0\7one"
    assert told(clients, "10.0.0.2") is None
    assert clients.common is None


def test_clients_are_in_one_group_only_if_all_who_sort_say_so() -> None:
    clients = Clients(Stores(1 << 20), (last_octet, lambda host: host.startswith("10.")))
    keep(clients, "10.0.0.1", b"one")
    assert told(clients, "192.0.2.1") is None
    assert told(clients, "10.7.7.1") == b"\0\7one"


def test_a_client_who_is_not_settled_gets_no_replay_and_is_asked_about_again() -> None:
    groups: list[Hashable] = [UNSETTLED, "a"]
    clients = Clients(Stores(1 << 20), (lambda host: groups.pop(0),))
    assert clients.of("10.0.0.1") is None
    assert clients.of("10.0.0.1") is not None
    assert groups == []


def test_a_client_is_known_by_the_octets_of_his_address_too() -> None:
    clients = Clients(Stores(1 << 20), (last_octet,))
    keep(clients, "10.0.0.1", b"one")
    met = clients.meet(socket.inet_aton("10.0.0.1"))
    assert met.host == "10.0.0.1"
    assert met.store is clients.of("10.0.0.1")
    assert clients.meet(socket.inet_pton(socket.AF_INET6, "2001:db8::1")).host == "2001:db8::1"


def test_a_forgotten_client_is_sorted_anew_however_he_was_met() -> None:
    groups = {"10.0.0.1": "old", "::ffff:10.0.0.1": "old"}
    clients = Clients(Stores(1 << 20), (groups.__getitem__,))
    keep(clients, "10.0.0.1", b"one")
    mapped = socket.inet_pton(socket.AF_INET6, "::ffff:10.0.0.1")
    before = [clients.of("10.0.0.1"), clients.meet(socket.inet_aton("10.0.0.1")).store, clients.meet(mapped).store]
    groups |= dict.fromkeys(groups, "new")
    clients.forget("10.0.0.1")
    after = [clients.of("10.0.0.1"), clients.meet(socket.inet_aton("10.0.0.1")).store, clients.meet(mapped).store]
    assert not any(store in before for store in after)
    assert told(clients, "10.0.0.1") is None


def test_more_groups_than_can_be_kept_begin_again_without_growing() -> None:
    stores = Stores(1 << 20)
    clients = Clients(stores, (lambda host: host,))
    for number in range(3000):
        keep(clients, f"10.0.{number >> 8}.{number & 255}", b"one")
    assert len(stores.budget.stores) <= 1024
    assert told(clients, "10.0.0.1") is None


def test_sorting_in_another_way_forgets_what_was_kept() -> None:
    stores = Stores(1 << 20)
    clients = Clients(stores)
    keep(clients, "10.0.0.1", b"one")
    clients.sort((last_octet,))
    assert told(clients, "10.0.0.1") is None
    clients.sort(())
    assert told(clients, "10.0.0.1") is None
    clients.close()
    assert stores.budget.stores == []
