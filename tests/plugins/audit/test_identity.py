"""Who asked, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from resolver.chain.capabilities import Identity
from resolver.chain.plugin import Part
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply
from tests.plugins.audit.scribe import Scribe, replay
from tests.plugins.chains import answering, nobody, question


class Directory(Part):
    """Knows who it is told about."""

    name = "identity"

    def __init__(self) -> None:
        self.people: dict[str, Identity] = {}
        self.unsettled: set[str] = set()
        self.asked = 0
        self.followers: list[Callable[[str], None]] = []

    def identify(self, client: str) -> Identity | None:
        self.asked += 1
        return self.people.get(client)

    def settled(self, client: str) -> bool:
        return client not in self.unsettled

    def unknown(self, client: str) -> bool:
        return client in self.unsettled

    async def meet(self, client: str) -> Identity | None:
        return self.identify(client)

    def subscribe(self, changed: Callable[[str], None]) -> None:
        self.followers.append(changed)

    def learn(self, client: str, identity: Identity) -> None:
        self.people[client] = identity
        for changed in self.followers:
            changed(client)


WEB = Identity("shop", "web-1", "robot", "Deployment/web", "node-7", {"app": "web"})
JOB = Identity("batch", "job-1")


async def begun(folder: Path, options: str = "") -> tuple[Scribe, Directory]:
    scribe, directory = Scribe(folder, options), Directory()
    scribe.block.parts.insert(0, directory)
    await scribe.part.start()
    return scribe, directory


def replayed(query: Query) -> Reply:
    return Reply(query.question, replay=Replay(1e12))


async def test_a_pod_is_named(tmp_path: Path) -> None:
    scribe, directory = await begun(tmp_path)
    directory.learn("10.0.0.9", WEB)
    await scribe.ask(question("a.example.", client=("10.0.0.9", 1)), nobody)
    await scribe.ask(question("a.example.", client=("10.0.0.8", 1)), nobody)
    known, unknown = await scribe.written()
    assert {field: known[field] for field in ("namespace", "pod", "owner", "service_account", "node")} == {
        "namespace": "shop", "pod": "web-1", "owner": "Deployment/web", "service_account": "robot", "node": "node-7",
    }  # fmt: skip
    assert not unknown.keys() & {"namespace", "pod", "owner", "service_account", "node"}


async def test_who_a_client_is_is_looked_up_once_and_again_when_it_changes(tmp_path: Path) -> None:
    scribe, directory = await begun(tmp_path)
    directory.learn("10.0.0.9", WEB)
    reply = await scribe.ask(question("a.example.", client=("10.0.0.9", 1)), answering(replayed))
    for _ in range(5):
        replay(reply)
    assert directory.asked == 1
    directory.learn("10.0.0.9", JOB)
    replay(reply)
    lines = await scribe.written()
    assert [line["pod"] for line in lines] == ["web-1"] * 6 + ["job-1"]
    assert "owner" not in lines[-1]


async def test_who_is_not_known_yet_is_looked_up_every_time(tmp_path: Path) -> None:
    scribe, directory = await begun(tmp_path)
    directory.unsettled.add("10.0.0.9")
    reply = await scribe.ask(question("a.example.", client=("10.0.0.9", 1)), answering(replayed))
    directory.people["10.0.0.9"] = WEB
    directory.unsettled.clear()
    replay(reply)
    first, second = await scribe.written()
    assert ("pod" in first, second["pod"]) == (False, "web-1")


async def test_namespaces_are_chosen_and_who_is_not_known_yet_is_written(tmp_path: Path) -> None:
    scribe, directory = await begun(tmp_path, "only namespace shop")
    directory.learn("10.0.0.1", WEB)
    directory.learn("10.0.0.2", JOB)
    directory.unsettled.add("10.0.0.3")
    for last in (1, 2, 3, 4):
        await scribe.ask(question("a.example.", client=(f"10.0.0.{last}", 1)), nobody)
    assert [line["client"] for line in await scribe.written()] == ["10.0.0.1", "10.0.0.3"]


async def test_namespaces_are_left_out(tmp_path: Path) -> None:
    scribe, directory = await begun(tmp_path, "except namespace shop")
    directory.learn("10.0.0.1", WEB)
    reply = await scribe.ask(question("a.example.", client=("10.0.0.1", 1)), answering(replayed))
    replay(reply, ("10.0.0.1", 1))
    replay(reply, ("10.0.0.4", 1))
    assert [line["client"] for line in await scribe.written()] == ["10.0.0.4"]


async def test_hashed_names_of_pods_can_be_compared(tmp_path: Path) -> None:
    scribe, directory = await begun(tmp_path, "hash pod namespace client")
    directory.learn("10.0.0.1", WEB)
    directory.learn("10.0.0.2", WEB)
    for last in (1, 2):
        await scribe.ask(question("a.example.", client=(f"10.0.0.{last}", 1)), nobody)
    first, second = await scribe.written()
    assert first["pod"] == second["pod"]
    assert first["pod"].startswith("h:")
    assert len(first["pod"]) == 34
    assert first["client"] != second["client"]
    assert first["owner"] == "Deployment/web"
