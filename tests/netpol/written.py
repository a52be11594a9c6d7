"""What ``resolver netpol`` has written and said."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.netpol.schemas import mistakes


def documents(capsys: pytest.CaptureFixture[str]) -> tuple[list[dict[str, Any]], str]:
    """What was written, valid by its schemas, and what was said."""
    said = capsys.readouterr()
    found = list(yaml.safe_load_all(said.out))
    assert mistakes(found) == []
    for line in said.err.splitlines():
        warning = line.removeprefix("resolver netpol: warning: ")
        assert warning.split()[0] in said.out  # also as a comment
    return found, said.err
