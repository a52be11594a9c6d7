"""What the directive accepts and refuses."""

from __future__ import annotations

import pytest

from resolver.errors import ConfigErrors
from resolver.plugins.k8s_external.settings import Settings
from resolver.wire.names import ROOT, from_text
from tests.plugins.chains import World

KUBERNETES = "kubernetes cluster.local {\n endpoint http://127.0.0.1:1\n }"


def parsed(option: str = "", line: str = "k8s_external corp.test", beside: str = KUBERNETES) -> Settings:
    part = World().part(f"example.org {{\n {beside}\n {line} {{\n {option}\n }}\n}}\n")
    settings: Settings = part.settings
    return settings


def test_defaults() -> None:
    assert parsed() == Settings((from_text("corp.test"),), b"\3dns", 5, headless=False, fallthrough=())
    assert parsed(line="k8s_external").zones == (from_text("example.org"),)


def test_options() -> None:
    assert parsed("apex Edge\nttl 0\nheadless\nfallthrough") == Settings(
        (from_text("corp.test"),), b"\4edge", 0, headless=True, fallthrough=(ROOT,)
    )


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("ttl", "ttl needs 1 argument"),
        ("ttl 3601", "out of range"),
        ("ttl five", "not a whole number"),
        ("apex", "apex needs 1 argument"),
        ("apex .", "apex is a label"),
        ("headless yes", "takes no arguments"),
        ("nonsense", "no option nonsense"),
    ],
)
def test_mistakes(option: str, word: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        parsed(option)
    assert word in str(caught.value)


def test_it_needs_kubernetes_in_the_same_block() -> None:
    with pytest.raises(ConfigErrors, match="needs the directive kubernetes"):
        parsed(beside="")


def test_it_may_stand_only_once() -> None:
    with pytest.raises(ConfigErrors, match="only once"):
        World().build(f"example.org {{\n {KUBERNETES}\n k8s_external a.test\n k8s_external b.test\n}}\n")
