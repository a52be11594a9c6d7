"""Pages of a made-up plugin folder, and what becomes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.generate.__main__ import main, stale
from docs.generate.page import Page
from docs.generate.parity import Row, Status, rows
from docs.generate.reference import Directive, Reference
from docs.generate.render import files

TEXT = """# cache

*cache* keeps answers (for a while) and serves them. It is *not* like *forward*, see
[there](../forward/README.md#syntax) and [how it is built](../../../docs/architecture.md).

## Syntax

```
cache [TTL] {
    success CAPACITY
    disable success|denial
    budget SIZE
}
```

* `success` is `[kept](../forward/README.md)`.
* `keepttl` is refused.

## Differences from CoreDNS

* `disable` adds up, for **TTL** as well.

## Examples

```corefile
. {
    cache
}
```
"""
CACHE = Page("cache", TEXT)
KNOWN = Directive(
    "cache", ("TTL",), ("success", "disable success", "disable denial", "keepttl"), {"keepttl": "why not"}
)
FACTS = Reference("1.0", {"cache": KNOWN, "tls": Directive("tls", ("CERT",), purpose="certificates", reason="later")})


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    for name, text in (("cache", TEXT), ("forward", "# forward\n\n*forward* asks others.\n\n## Syntax\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "README.md").write_text(text)
    (tmp_path / "unfinished").mkdir()
    return tmp_path


def test_the_purpose_is_the_first_sentence() -> None:
    assert CACHE.purpose == "keeps answers (for a while) and serves them"


def test_options_are_the_first_words_within_the_braces() -> None:
    assert CACHE.options == ("success", "disable", "budget")


@pytest.mark.parametrize(
    ("option", "taken"),
    [
        ("success", True),
        ("disable denial", True),
        ("disable nonsense", False),
        ("keepttl", False),
        ("prefetch", False),
    ],
)
def test_options_have_to_be_in_the_syntax(option: str, taken: bool) -> None:
    assert CACHE.takes(option) is taken


def test_arguments_have_to_be_named() -> None:
    assert CACHE.names("TTL")
    assert CACHE.names("keepttl")
    assert not CACHE.names("SHARDS")


def test_each_option_gets_its_status() -> None:
    assert rows(["cache"], FACTS.directives, {"cache": CACHE}) == [
        Row("cache", "", Status.DIFFERS),
        Row("cache", "TTL", Status.DIFFERS),
        Row("cache", "success", Status.SAME),
        Row("cache", "disable success", Status.SAME),
        Row("cache", "disable denial", Status.SAME),
        Row("cache", "keepttl", Status.NOT_BUILT, "why not"),
        Row("cache", "budget", Status.OURS),
    ]


def test_an_option_that_no_page_names_is_not_built() -> None:
    known = Directive("cache", options=("prefetch",))
    assert Row("cache", "prefetch", Status.NOT_BUILT) in rows(["cache"], {"cache": known}, {"cache": CACHE})


def test_a_directive_without_a_page_is_not_built_and_one_that_nobody_knows_is_left_out() -> None:
    assert rows(["tls", "nobody"], FACTS.directives, {}) == [
        Row("tls", "", Status.NOT_BUILT, "later"),
        Row("tls", "CERT", Status.NOT_BUILT, "later"),
    ]


def test_links_are_those_of_the_new_place_and_code_stays_as_it_is(plugins: Path) -> None:
    text = files(plugins, FACTS)["cache.md"]
    assert "not* like [*forward*](forward.md), see\n[there](forward.md#syntax)" in text
    assert "`[kept](../forward/README.md)`" in text
    assert "*cache* keeps" in text
    assert TEXT[TEXT.index("## Examples") :].rstrip() in text


def test_a_folder_without_a_page_is_left_out(plugins: Path) -> None:
    assert sorted(files(plugins, FACTS)) == ["README.md", "cache.md", "forward.md"]


def test_the_index_tells_each_status_once(plugins: Path) -> None:
    index = files(plugins, FACTS)["README.md"]
    assert "| [cache](cache.md) | `success`, `disable success`, `disable denial` | as in CoreDNS |" in index
    assert "| [cache](cache.md) | `TTL` | [differs](cache.md#differences-from-coredns) |" in index
    assert "| [cache](cache.md) | `budget` | ours |" in index
    assert "| tls | the directive: `CERT` | not built: later |" in index
    assert "| tls | certificates (not built) |" in index


def test_the_folder_is_written_and_what_does_not_belong_there_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "directives"
    assert main([], folder) == 0
    assert stale(folder, files()) == []
    (folder / "gone.md").write_text("old")
    (folder / "cache.md").write_text("old")
    assert main(["--check"], folder) == 1
    assert "cache.md, gone.md" in capsys.readouterr().err
    assert main([], folder) == 0
    assert main(["--check"], folder) == 0
