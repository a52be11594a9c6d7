"""The generated Corefile: the first one, the next one, and what happens when the next one is wrong."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import pytest

from resolver.errors import ResolverError
from resolver.node.corefile import Corefile
from resolver.node.metrics import NodeMetrics
from resolver.node.settings import NodeSettings
from resolver.telemetry.log import Log

TEMPLATE = """. {
    bind __PILLAR__LOCAL__DNS__
    forward . __PILLAR__UPSTREAM__SERVERS__ {
        force_tcp
    }
}
"""


@dataclass
class Place:
    folder: Path
    corefile: Corefile
    metrics: NodeMetrics
    out: io.StringIO

    def template(self, text: str) -> None:
        (self.folder / "Corefile.base").write_text(text)

    def config_map(self, **keys: object) -> None:
        for name, value in keys.items():
            (self.folder / "kube-dns" / name).write_text(value if isinstance(value, str) else json.dumps(value))

    @property
    def text(self) -> str:
        return (self.folder / "Corefile").read_text()

    @property
    def errors(self) -> float:
        return float(self.metrics.errors["configmap"].value)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    out, metrics = io.StringIO(), NodeMetrics()
    (tmp_path / "kube-dns").mkdir()
    settings = NodeSettings(
        (ip_address("127.0.0.1"),),
        base=str(tmp_path / "Corefile.base"),
        conf=str(tmp_path / "Corefile"),
        kube_dns=str(tmp_path / "kube-dns"),
    )
    made = Place(tmp_path, Corefile(settings, {}, metrics, Log(out)), metrics, out)
    made.template(TEMPLATE)
    return made


def test_the_first_one_is_written_and_nothing_has_changed_since(place: Place) -> None:
    place.corefile.begin()
    assert "bind 127.0.0.1" in place.text
    assert not place.corefile.look()


def test_a_changed_template_is_written(place: Place) -> None:
    place.corefile.begin()
    place.template(TEMPLATE + "example.org {\n whoami\n}\n")
    assert place.corefile.look()
    assert "example.org" in place.text


def test_stub_domains_and_upstream_servers_come_and_go(place: Place) -> None:
    place.corefile.begin()
    place.config_map(stubDomains={"acme.test": ["192.0.2.1"]}, upstreamNameservers=["192.0.2.9"])
    assert place.corefile.look()
    assert "acme.test:53 {" in place.text
    assert "forward . 192.0.2.9" in place.text
    assert "force_tcp" not in place.text
    place.config_map(stubDomains={}, upstreamNameservers=[])
    assert place.corefile.look()
    assert "acme.test" not in place.text
    assert "forward . /etc/resolv.conf" in place.text


def test_a_wrong_config_map_leaves_the_last_good_one_and_is_counted_once(place: Place) -> None:
    place.config_map(stubDomains={"acme.test": ["192.0.2.1"]})
    place.corefile.begin()
    before = place.text
    place.config_map(stubDomains={"acme.test": ["nonsense"]})
    assert not place.corefile.look()
    assert not place.corefile.look()
    assert (place.text, place.errors) == (before, 1)
    assert place.out.getvalue().count("nonsense is not an IP address") == 1
    place.config_map(stubDomains={"acme.test": ["192.0.2.2"]})
    assert place.corefile.look()
    place.config_map(stubDomains={"acme.test": ["nonsense"]})
    place.corefile.look()
    assert place.errors == 2


def test_a_wrong_config_map_at_the_start_is_left_out(place: Place) -> None:
    place.config_map(stubDomains="{")
    place.corefile.begin()
    assert place.errors == 1
    assert "bind 127.0.0.1" in place.text


def test_a_stub_domain_that_the_template_serves_already_is_a_mistake_of_the_config_map(place: Place) -> None:
    place.template(TEMPLATE + "cluster.local:53 {\n bind 127.0.0.1\n whoami\n}\n")
    place.config_map(stubDomains={"cluster.local": ["192.0.2.1"]})
    place.corefile.begin()
    assert place.errors == 1
    assert place.text.count("cluster.local") == 1


def test_a_wrong_template_leaves_the_last_good_one_and_config_maps_are_still_followed(place: Place) -> None:
    place.corefile.begin()
    place.template(TEMPLATE.replace("force_tcp", "force_ftp"))
    assert not place.corefile.look()
    assert "force_ftp" not in place.text
    assert place.errors == 1


def test_a_template_that_goes_is_said(place: Place) -> None:
    place.corefile.begin()
    (place.folder / "Corefile.base").unlink()
    assert not place.corefile.look()
    assert "cannot read the template" in place.out.getvalue()


def test_a_wrong_template_at_the_start_is_an_error(place: Place) -> None:
    place.template(". {\n nothing_known\n}\n")
    with pytest.raises(ResolverError, match="nothing_known"):
        place.corefile.begin()


def test_a_place_that_cannot_be_written_is_an_error(place: Place) -> None:
    (place.folder / "Corefile").mkdir()
    with pytest.raises(ResolverError, match=r"cannot write the generated Corefile .* name a writable place with -conf"):
        place.corefile.begin()


def test_whether_the_reload_directive_notices_is_known(place: Place) -> None:
    place.corefile.begin()
    assert not place.corefile.reloads_itself
    place.template(TEMPLATE.replace("bind", "reload\n    bind"))
    place.corefile.look()
    assert place.corefile.reloads_itself


def test_keys_that_mean_nothing_are_said(place: Place) -> None:
    place.config_map(federations="{}")
    place.corefile.begin()
    assert "federations means nothing here" in place.out.getvalue()
