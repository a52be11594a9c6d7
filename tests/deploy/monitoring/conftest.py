"""What a real server exports, found out once for all tests of dashboard and alerts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from tests.deploy.monitoring.exported import families
from tests.deploy.monitoring.promql import Family, series


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Family]:
    """All families by name."""
    return asyncio.run(families(tmp_path_factory.mktemp("exported")))


@pytest.fixture(scope="session")
def known(exported: Mapping[str, Family]) -> Mapping[str, frozenset[str]]:
    """The labels of all series by name."""
    return series(exported)
