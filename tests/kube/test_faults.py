"""What a list and watch does when the API does not: nothing is lost, nothing spins, one line is said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from resolver.kube import decode, reflector
from resolver.kube.kinds import ENDPOINT_SLICES, INGRESSES, SERVICES
from resolver.kube.watch import Watch
from tests.support.kubeapi.server import FakeApi
from tests.support.kubeapi.store import line
from tests.support.kubeapi.watching import Watching, name_of, service, until

Watched = Watch[int]


@pytest.fixture
async def watching() -> AsyncIterator[Watching]:
    found = Watching()
    yield found
    await found.end()


@pytest.fixture
async def services(api: FakeApi, watching: Watching) -> Watched:
    """A synced watch of one Service, followed, with its stream open."""
    api.store.apply("services", service("web"))
    watch = watching.watch(api.url)
    assert await watch.wait_synced(10)
    await until(lambda: api.open_watches() == 1)
    watching.follow(watch)
    watching.told.clear()
    return watch


def relists(watching: Watching, reason: str) -> float:
    return watching.world.metric("coredns_kubernetes_relists_total", "services", reason)


async def test_a_bookmark_moves_the_place_where_the_next_watch_begins(
    api: FakeApi, services: Watched, watching: Watching
) -> None:
    first = api.watches()[0].query
    assert first["allowWatchBookmarks"] == "true"
    assert int(first["resourceVersion"]) == api.store.version
    assert reflector.WATCH_TIME[0] <= int(first["timeoutSeconds"]) <= reflector.WATCH_TIME[1]
    for _ in range(50):
        api.store.bump()
    api.bookmark()
    await until(lambda: watching.world.metric("coredns_kubernetes_watch_events_total", "services", "BOOKMARK"))
    api.store.forget()
    api.cut()
    await until(lambda: len(api.watches()) == 2)
    assert int(api.watches()[1].query["resourceVersion"]) == api.store.version
    assert len(api.lists()) == 1


@pytest.mark.parametrize("as_event", [False, True], ids=["status", "event"])
async def test_a_version_that_is_too_old_makes_a_new_list_of_which_only_differences_are_told(
    api: FakeApi, services: Watched, watching: Watching, as_event: bool
) -> None:
    api.gone_as_event = as_event
    api.store.apply("services", service("stays"))
    await until(lambda: len(services.objects) == 2)
    watching.told.clear()
    await api.stop()
    api.store.delete("services", "default/web")
    api.store.apply("services", service("new", port=81))
    api.store.forget()
    await api.start()
    await until(lambda: "default/new" in services.objects and "default/web" not in services.objects)
    assert sorted(watching.told) == [("default/new", None, 81), ("default/web", 80, None)]
    assert relists(watching, "gone") == 1
    assert len(api.lists()) == 2


async def test_an_expired_continue_token_starts_the_list_again(
    api: FakeApi, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reflector, "PAGE", 2)
    api.expire_continue = 2
    for number in range(5):
        api.store.apply("services", service(f"s{number}"))
    watch = watching.watch(api.url)
    assert await watch.wait_synced(10)
    assert len(watch.objects) == 5
    assert relists(watching, "gone") == 2
    assert [one.query.get("continue", "-")[-2:] for one in api.lists()] == ["-", "s1", "-", "s1", "-", "s1", "s3"]


async def test_a_connection_that_breaks_in_the_middle_of_a_line_loses_nothing_and_is_not_worth_a_word(
    api: FakeApi, services: Watched, watching: Watching
) -> None:
    lines = len(watching.world.lines)
    api.send(line("MODIFIED", service("web", port=7))[:40])
    await asyncio.sleep(0)
    api.cut()
    api.store.apply("services", service("web", port=8))
    await until(lambda: services.objects["default/web"] == 8)
    assert watching.told == [("default/web", 80, 8)]
    assert len(api.lists()) == 1
    assert watching.world.lines[lines:] == []


async def test_an_event_that_makes_no_sense_leads_to_a_new_list(
    api: FakeApi, services: Watched, watching: Watching
) -> None:
    api.send(b'{"type": "MODIFIED", "object": {"meta\n')
    await until(lambda: len(api.lists()) == 2 and not services.problem)
    assert relists(watching, "garbage") == 1
    assert services.objects == {"default/web": 80}
    assert any("an event could not be read" in text for text in watching.world.lines)


async def test_a_list_that_makes_no_sense_is_asked_for_again_and_what_is_known_is_kept(
    api: FakeApi, services: Watched, watching: Watching
) -> None:
    api.list_bodies = [b"<html>no</html>", b'{"kind": "List"}', b'{"metadata": {}, "items": []}', b"\xff\xfe"]
    api.store.forget()
    api.store.bump()
    api.store.forget()
    api.cut()
    await until(lambda: len(api.lists()) == 6)
    await until(lambda: not services.problem and api.open_watches())
    assert watching.told == []
    assert services.objects == {"default/web": 80}


async def test_an_event_that_is_too_large_is_left_out_and_the_rest_goes_on(
    api: FakeApi, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "MAX_LINE", 20_000)
    watch = watching.watch(api.url)
    assert await watch.wait_synced(10)
    await until(lambda: api.open_watches())
    api.store.apply("services", service("huge", labels={"text": "x" * 100_000}))
    api.store.apply("services", service("small"))
    await until(lambda: "default/small" in watch.objects)
    assert list(watch.objects) == ["default/small"]
    assert sum("more than 20,000 octets" in text for text in watching.world.lines) == 1
    assert watching.world.metric("coredns_kubernetes_malformed_objects_total", "services") == 1


async def test_large_objects_come_in_smaller_pages(
    api: FakeApi, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reflector, "PAGE", 8)
    monkeypatch.setattr(reflector, "PAGE_OCTETS", 5_000)
    for number in range(16):
        api.store.apply("services", service(f"s{number:02}", labels={"text": "x" * 1000}))
    watch = watching.watch(api.url)
    assert await watch.wait_synced(10)
    assert len(watch.objects) == 16
    limits = [int(one.query["limit"]) for one in api.lists()]
    assert limits[0] == 8
    assert max(limits[1:]) < 5


async def test_a_page_over_the_limit_is_asked_for_in_smaller_ones(
    api: FakeApi, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "MAX_PAGE", 5_000)
    for number in range(8):
        api.store.apply("services", service(f"s{number}", labels={"text": "x" * 1000}))
    watch = watching.watch(api.url)
    assert await watch.wait_synced(10)
    assert len(watch.objects) == 8


async def test_a_server_that_is_away_changes_nothing_and_is_found_again(
    api: FakeApi, services: Watched, watching: Watching
) -> None:
    await api.stop()
    await until(lambda: services.problem)
    assert services.problem == f"{api.url}: Connection refused"
    assert services.synced
    assert services.objects == {"default/web": 80}
    api.store.apply("services", service("web", port=81))
    await api.start()
    await until(lambda: services.objects["default/web"] == 81)
    assert services.problem == ""
    assert sum("Connection refused" in text for text in watching.world.lines) == 1
    assert any("the API answers now" in text for text in watching.world.lines)


async def test_what_ails_all_kinds_is_said_once(api: FakeApi, watching: Watching) -> None:
    await api.stop()
    watches = [watching.watch(api.url, kind, name_of) for kind in (SERVICES, ENDPOINT_SLICES, INGRESSES)]
    await until(lambda: all(watch.problem for watch in watches))
    assert sum("Connection refused; what is known is kept" in text for text in watching.world.lines) == 1
    await api.start()
    await until(lambda: all(watch.synced for watch in watches))
    assert [text for text in watching.world.lines if "answers now" in text] == [
        f"[INFO] plugin/kubernetes: {api.url}: the API answers now"
    ]


async def test_a_server_that_is_away_at_the_start_is_waited_for(watching: Watching, api: FakeApi) -> None:
    await api.stop()
    watch = watching.watch(api.url)
    assert not await watch.wait_synced(0.1)
    await until(lambda: watch.problem)
    await api.start()
    assert await watch.wait_synced(10)


async def test_a_watch_in_which_nothing_comes_is_opened_again_where_it_was(
    api: FakeApi, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reflector, "IDLE", 0.05)
    watch = watching.watch(api.url)
    await until(lambda: len(api.watches()) >= 3)
    assert len({one.query["resourceVersion"] for one in api.watches()}) == 1
    assert len(api.lists()) == 1
    assert (watch.synced, watch.problem) == (True, "")


async def test_a_server_that_does_not_answer_is_given_up(
    api: FakeApi, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reflector, "LIST_PATIENCE", 0.05)
    api.hanging = True
    watch = watching.watch(api.url)
    await until(lambda: watch.problem)
    assert watch.problem == "cannot list services: nothing came for too long"
    api.hanging = False
    assert await watch.wait_synced(10)


async def test_a_page_that_drips_has_a_limit_too(
    api: FakeApi, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reflector, "PAGE_TIME", 0.1)
    api.store.apply("services", service("web"))
    api.pause = 0.05
    watch = watching.watch(api.url)
    await until(lambda: watch.problem)
    assert "a page has not come" in watch.problem
    api.pause = 0.0
    assert await watch.wait_synced(10)


async def test_a_slow_server_is_good_enough(api: FakeApi, watching: Watching) -> None:
    api.store.apply("services", service("web"))
    api.pause = 0.005
    watch = watching.watch(api.url)
    assert await watch.wait_synced(10)
    assert len(watch.objects) == 1


async def test_watches_that_end_at_once_are_not_opened_without_a_pause(api: FakeApi, watching: Watching) -> None:
    api.end_watches_at_once = True
    watch = watching.watch(api.url)
    await until(lambda: watch.problem)
    assert "end as soon as they begin" in watch.problem
    assert len(api.watches()) == reflector.ODD
    api.end_watches_at_once = False
    await until(lambda: not watch.problem)
    assert len(api.lists()) == 1


async def test_errors_of_the_server_are_said_once_and_end(api: FakeApi, services: Watched, watching: Watching) -> None:
    api.failing = 500
    api.cut()
    await until(lambda: len(api.watches()) >= 5)
    assert services.problem == "cannot watch services: 500 Status: it is broken"
    assert sum("it is broken" in text for text in watching.world.lines) == 1
    api.failing = 0
    await until(lambda: not services.problem)
    assert len(api.lists()) == 1


async def test_the_api_may_ask_for_a_longer_wait(
    api: FakeApi, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        waits.append(seconds)
        await sleep(min(seconds, 0.01))

    monkeypatch.setattr("resolver.kube.pauses.asyncio.sleep", noted)
    api.failing, api.retry_after = 429, 7
    watching.watch(api.url)
    await until(lambda: 7.0 in waits)


async def test_a_malformed_object_is_named_once_and_the_others_are_served(
    api: FakeApi, services: Watched, watching: Watching
) -> None:
    broken = service("broken") | {"spec": {}}
    for _ in range(3):
        api.store.apply("services", broken)
    api.store.apply("services", {"metadata": {"name": "worse", "namespace": "default"}})
    api.store.apply("services", service("good"))
    await until(lambda: "default/good" in services.objects)
    assert sorted(services.objects) == ["default/good", "default/web"]
    said = [text for text in watching.world.lines if "services default/" in text]
    assert said == [
        "[WARNING] plugin/kubernetes: services default/broken: has no ports",
        "[WARNING] plugin/kubernetes: services default/worse: KeyError: 'spec'",
    ]
    assert watching.world.metric("coredns_kubernetes_malformed_objects_total", "services") == 4


async def test_an_object_that_becomes_malformed_or_uninteresting_goes(
    api: FakeApi, services: Watched, watching: Watching
) -> None:
    api.store.apply("services", service("web", port=9999))
    await until(lambda: not services.objects)
    api.store.apply("services", service("web", port=80))
    await until(lambda: services.objects)
    api.store.apply("services", service("web") | {"spec": {"ports": []}})
    await until(lambda: not services.objects)


async def test_what_does_not_change_the_value_is_not_told(api: FakeApi, services: Watched, watching: Watching) -> None:
    api.store.apply("services", service("web", labels={"touched": "yes"}))
    api.store.apply("services", service("other"))
    await until(lambda: len(services.objects) == 2)
    assert watching.told == [("default/other", None, 80)]


async def test_an_object_without_a_name_does_not_end_the_list(api: FakeApi, watching: Watching) -> None:
    items = [{"metadata": {}}, "text", service("good")]
    api.list_bodies = [json.dumps({"metadata": {"resourceVersion": "1000"}, "items": items}).encode()]
    watch = watching.watch(api.url)
    assert await watch.wait_synced(10)
    assert list(watch.objects) == ["default/good"]


async def test_a_kind_every_cluster_has_is_not_believed_to_be_missing(
    api: FakeApi, services: Watched, watching: Watching
) -> None:
    api.failing = 404
    api.cut()
    await until(lambda: services.problem)
    assert "404" in services.problem
    assert services.objects == {"default/web": 80}


async def test_an_optional_kind_goes_when_it_is_missing_for_long(
    api: FakeApi, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.store.apply("ingresses", {"metadata": {"name": "web", "namespace": "default"}})
    watch = watching.watch(api.url, INGRESSES, name_of)
    assert await watch.wait_synced(10)
    assert len(watch.objects) == 1
    watching.follow(watch)
    asked = len(api.requests)
    api.failing = 404
    api.cut()
    await until(lambda: not watch.objects)
    assert len(api.requests) - asked == reflector.ODD
    assert watch.problem == ""
    api.failing = 0
    await until(lambda: watch.objects)


async def test_the_loop_goes_on_while_a_long_list_is_taken(api: FakeApi, watching: Watching) -> None:
    def slow(item: dict[str, object]) -> str:
        deadline = asyncio.get_running_loop().time() + 0.001
        while asyncio.get_running_loop().time() < deadline:
            pass
        return name_of(item)

    for number in range(100):
        api.store.apply("endpointslices", {"metadata": {"name": f"s{number}", "namespace": "a"}, "endpoints": []})
    watch = watching.watch(api.url, ENDPOINT_SLICES, slow)
    turns_between: list[int] = []
    watch.follow(lambda key, old, new: turns_between.append(turns))
    turns = 0
    while not watch.synced:
        await asyncio.sleep(0)
        turns += 1
    assert len(watch.objects) == 100
    assert len(set(turns_between)) >= 20


async def test_a_thousand_changes_a_second_keep_their_order(
    api: FakeApi, services: Watched, watching: Watching
) -> None:
    for number in range(2000):
        api.store.apply("services", service(f"s{number % 50}", port=1 + number % 9000))
    await until(lambda: len(watching.told) == 2000)
    for key in services.objects:
        ports = [new for told, _, new in watching.told if told == key]
        assert ports == sorted(ports)


def test_the_kinds_are_where_the_api_has_them() -> None:
    assert SERVICES.path() == "/api/v1/services"
    assert SERVICES.path("prod") == "/api/v1/namespaces/prod/services"
    assert ENDPOINT_SLICES.path() == "/apis/discovery.k8s.io/v1/endpointslices"
