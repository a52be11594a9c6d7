"""An API with ConfigMaps."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from resolver.kube import pauses
from resolver.plugins.policy import configmaps
from tests.support.kubeapi.server import FakeApi


@pytest.fixture
async def api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeApi]:
    """The fake API over plain HTTP."""
    for name, seconds in (("FIRST", 0.01), ("MOST", 0.05), ("SLOW_FIRST", 0.02), ("SLOW_MOST", 0.05)):
        monkeypatch.setattr(pauses, name, seconds)
    monkeypatch.setattr(configmaps, "PAUSE", 0.01)
    monkeypatch.setattr(configmaps, "AGAIN", 0.02)
    server = FakeApi()
    await server.start()
    yield server
    await server.stop()
