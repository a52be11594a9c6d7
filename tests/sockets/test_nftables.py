"""Sets of nftables as the kernel has them, in a network namespace of the test's own."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
OPENED = """
import json, socket
from resolver.sockets.nftables import Changes, NftablesError, Table, Wanted
key = socket.inet_aton("192.0.2.1")
table = Table("inet", "egress")
table.create({"four": 4, "six": 16}, 4)
"""


@functools.cache
def missing() -> str:
    """Why the kernel cannot be asked here, empty where it can."""
    if shutil.which("unshare") is None:
        return "unshare is not installed"
    tried = _run(OPENED)
    return f"no nftables in a namespace here: {tried.stderr.strip()[-200:]}" if tried.returncode else ""


def _run(script: str) -> subprocess.CompletedProcess[str]:
    words = ["unshare", "-rn", sys.executable, "-c", script]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


def said(script: str) -> Any:
    """What a script prints as JSON that has opened a table and made two sets in it."""
    done = _run(OPENED + script)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


def test_an_element_gets_longer_and_never_shorter() -> None:
    first, same, longer, kept = said("""
times = ((10, 20), (10, 99), (100, 200), (5, 5))
print(json.dumps([table.put([Wanted("four", key, needed, timeout)]) for needed, timeout in times]))
""")
    assert first == [1, 0, [20]]
    assert same[:2] == [0, 0]
    assert 19 < same[2][0] <= 20
    assert longer == [0, 1, [200]]
    assert 199 < kept[2][0] <= 200


def test_what_was_read_before_somebody_else_wrote_is_read_again() -> None:
    left = said("""
other, read, times = Table("inet", "egress"), table._left, []
def reading(wanted):
    found = read(wanted)
    if not times:
        other.put([Wanted("four", key, 500, 500)])
    times.append(1)
    return found
table._left = reading
put = table.put([Wanted("four", key, 10, 20)])
print(json.dumps([len(times), put.left[0], other.put([Wanted("four", key, 1, 1)]).left[0]]))
""")
    assert left[0] == 2
    assert all(499 < seconds <= 500 for seconds in left[1:])


def test_a_full_set_takes_none_of_a_batch_and_says_so() -> None:
    full, shown = said("""
try:
    table.put([Wanted("four", bytes([192, 0, 2, n]), 10, 20) for n in range(5)])
except NftablesError as error:
    full = error.full
print(json.dumps([full, table.put([Wanted("four", bytes([192, 0, 2, n]), 10, 20) for n in range(4)]).added]))
""")
    assert (full, shown) == (True, 4)


def test_only_what_others_take_out_for_good_is_told() -> None:
    nothing, replaced, deleted, dropped = said("""
changes, other, told = Changes("inet", "egress", table.port), Table("inet", "egress"), []
def tell():
    gone = changes.gone()
    told.append(None if gone is None else [[name, list(key)] for name, key in gone])
table.put([Wanted("four", key, 10, 20)])
table.put([Wanted("four", key, 30, 40)])
tell()
other.put([Wanted("four", key, 50, 60)])
tell()
other._commit([(0x0A0E, 0, other._elements("four", [(key, 0.0)]))], "delete")
tell()
other._commit([(0x0A02, 0, b"\\x0b\\0\\1\\0egress\\0\\0")], "delete")
tell()
print(json.dumps(told))
""")
    assert nothing == replaced == []
    assert deleted == [["four", [192, 0, 2, 1]]]
    assert dropped is None
