"""The page: whole, harmless, and as a browser shows it."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from resolver.report.markup import Markup, breakable, element
from resolver.report.page import page, policy
from tests.report.reporting import findings, line, written
from tests.support.audit_lines import encoded

_ATTACKS = (
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "' onmouseover='document.title=1",
    "</style></title></svg><svg onload=document.title=1>",
    "&lt;script&gt;",
    "\x00\x1b\u202e",
    "javascript:alert(1)",
)


class Reader(HTMLParser):
    """What is in a page: elements, their attributes, and all text."""

    VOID = frozenset({"meta", "rect", "line", "wbr"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> str:
    log = tmp_path_factory.mktemp("page") / "log"
    log.write_bytes(encoded(5000))
    return page(findings(str(log), baseline=written(log.with_name("before"), line())))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    fields = (
        "name",
        "namespace",
        "owner",
        "rule",
        "type",
        "rcode",
        "upstream",
        "cache",
        "transport",
        "client",
        "decision",
    )
    lines = [
        line(index, **dict.fromkeys(fields, attack), upstream_ms=1.0, ede=[{"code": attack, "text": attack}])
        for index, attack in enumerate(_ATTACKS)
    ]
    lines += [line(rule=f"rebind {attack}", decision="deny") for attack in _ATTACKS]
    return page(findings(written(tmp_path_factory.mktemp("page") / "log", *lines)))


def test_every_element_is_closed_and_ids_stand_once(usual: str) -> None:
    reader = Reader(usual)
    assert reader.open == []
    ids = [value for _, name, value in reader.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    links = {value.removeprefix("#") for _, name, value in reader.attributes if name == "href"}
    assert links <= set(ids)


def test_nothing_is_loaded_and_nothing_runs(usual: str, hostile: str) -> None:
    for text in (usual, hostile):
        reader = Reader(text)
        assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(reader.tags)
        names = {name for _, name, _ in reader.attributes}
        assert not {"src", "style", "srcset", "action", "background"} & names
        assert not [name for name in names if name.startswith("on")]
        assert all(value.startswith("#") for _, name, value in reader.attributes if name == "href")
        assert "url(" not in text
        assert "@import" not in text
        assert reader.open == []


def test_a_hostile_log_is_shown_as_it_is_written(hostile: str) -> None:
    shown = "".join(Reader(hostile).text)
    assert "<script>document.title='owned'</script>" in shown
    assert "\\u0000\\u001b\\u202e" in shown
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0e-\x1f]", hostile)
    hostile.encode()


def test_plots_have_titles_and_tables_beside_them(usual: str) -> None:
    reader = Reader(usual)
    ids = {value for _, name, value in reader.attributes if name == "id"}
    labels = [value for tag, name, value in reader.attributes if (tag, name) == ("svg", "aria-labelledby")]
    assert len(labels) == 6
    assert all(set(label.split()) <= ids for label in labels)
    assert usual.count("The figures as a table") == 2
    assert usual.count("<caption>") == usual.count("<table")


def test_what_stands_at_the_scale_is_in_front_of_the_bars(usual: str) -> None:
    plots = re.findall(r'<svg [^>]*class="plot".*?</svg>', usual)
    assert len(plots) == 6
    for plot in plots:
        assert plot.count('class="scale"') == 2
        assert plot.index('class="scale"') > plot.rindex("<rect")


def test_an_empty_log_makes_a_page_too(tmp_path: Path) -> None:
    text = page(findings(written(tmp_path / "log")))
    assert "No queries." in text
    assert "There is nothing to plot." in text
    assert Reader(text).open == []


def test_long_names_break_at_their_dots() -> None:
    assert breakable("a.b<c.d") == "a.<wbr/>b&lt;c.<wbr/>d"
    assert breakable("plain.") == "plain."


def test_what_is_no_markup_is_escaped() -> None:
    assert element("p", "<b>", ["&", Markup("<i>x</i>")], title='"') == '<p title="&quot;">&lt;b&gt;&amp;<i>x</i></p>'


needs_chromium = pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")


def chromium(folder: Path, text: str, *flags: str, width: int = 1200) -> subprocess.CompletedProcess[str]:
    """The page in a browser that has a profile of its own and no network."""
    (folder / "page.html").write_text(text, encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"]
    command += [
        f"--user-data-dir={folder / 'profile'}",
        f"--window-size={width},900",
        "--enable-logging=stderr",
        *flags,
    ]
    command.append((folder / "page.html").as_uri())
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


@needs_chromium
def test_a_browser_runs_nothing_of_a_hostile_log_and_obeys_the_policy(tmp_path: Path, hostile: str) -> None:
    done = chromium(tmp_path, hostile, "--dump-dom")
    assert "<title>DNS audit report</title>" in done.stdout
    assert "<script" not in done.stdout
    assert policy() in hostile.replace("&#x27;", "'")
    assert "Content Security Policy" not in done.stderr


@needs_chromium
def test_a_browser_draws_the_plots_with_the_colours_of_the_style_sheet(tmp_path: Path, usual: str) -> None:
    # A script of the test's own asks the browser what it made of the page; for that the policy has to go.
    probe = """<script>
      const plots = [...document.querySelectorAll('svg.plot')];
      const bar = document.querySelector('svg.plot rect.answered');
      document.title = JSON.stringify({
        plots: plots.map(one => Math.round(one.getBoundingClientRect().width)),
        fill: getComputedStyle(bar).fill,
        wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        texts: plots.every(one => [...one.querySelectorAll('text')].every(text => {
          const inner = text.getBoundingClientRect(), outer = one.getBoundingClientRect();
          return inner.left >= outer.left - 1 && inner.right <= outer.right + 1;
        })),
      });
    </script>"""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", usual).replace("</body>", f"{probe}</body>")
    for width in (1200, 520):
        done = chromium(tmp_path, text, "--dump-dom", width=width)
        found = re.search(r"<title>(\{.*?\})</title>", done.stdout)
        assert found is not None
        assert '"fill":"rgb(' in found[1]
        assert "rgb(0, 0, 0)" not in found[1]
        assert '"wide":0' in found[1]
        assert '"texts":true' in found[1]
