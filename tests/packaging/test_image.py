"""How large the image becomes, and that a server runs in it: measured, and tried without a container engine."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest

from tests.runtime.clients import HOST, addresses, ask, get
from tests.runtime.serving import block, free_port, hosts, until

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 1_000_000
WHOLE = 90 * MEGABYTE  # the root file system, unpacked; deploy/image/README.md says what is measured
PACKAGES = 40 * MEGABYTE  # what the server imports besides Python, compiled code and debug symbols not counted
EXTRAS = ("speed", "kubernetes", "node")
COMPILE = ("/usr/bin/python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")
WHEELS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
DEBIAN = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main\n"


def needed() -> dict[str, Distribution]:
    """The distributions that the image installs besides our own, by name, as they are installed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(line for extra in EXTRAS for line in project["optional-dependencies"][extra])]
    found: dict[str, Distribution] = {}
    while wanted:
        requirement, _, marker = wanted.pop().partition(";")
        name = re.split(r"[\s\[<>=!~(]", requirement.strip(), maxsplit=1)[0].lower()
        if name in found or "extra ==" in marker:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            assert marker, f"{name} is not installed"  # for other systems, or other versions of Python
            continue
        wanted += found[name].requires or []
    return found


def size(paths: list[Path]) -> int:
    """What files take, without compiled code, compilers' sources, and debug symbols (a third is what is left)."""
    total = 0
    for path in paths:
        if path.suffix not in (".pyc", ".pyx", ".pxd", ".c") and path.is_file():
            total += path.stat().st_size // (3 if path.suffix == ".so" else 1)
    return total


def test_what_the_server_imports_stays_small() -> None:
    installed = [Path(str(each.locate_file(file))) for each in needed().values() for file in each.files or []]
    own = [path for path in (ROOT / "resolver").rglob("*") if "__pycache__" not in path.parts]
    assert {"pyyaml", "uvloop", "pyroute2", "msgspec"} <= set(needed())
    assert MEGABYTE < size(installed) + size(own) < PACKAGES


image = pytest.mark.skipif(
    os.environ.get("IMAGE_TESTS") != "1" or os.geteuid() != 0 or not shutil.which("apt-get"),
    reason="putting the image's file system together takes IMAGE_TESTS=1, root, Debian and its package index",
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root file system of the image."""
    folder = tmp_path_factory.mktemp("image")
    made = folder / "root"
    assemble(folder, made)
    environment = made / "opt/resolver"
    environment.parent.mkdir(exist_ok=True)
    run("chroot", made, "/usr/bin/python3", "-m", "venv", "--without-pip", "/opt/resolver")
    (version,) = (path.name for path in (environment / "lib").iterdir())
    packages = environment / "lib" / version / "site-packages"
    install(folder, packages, version.removeprefix("python"))
    run("sh", "-c", f"find {packages} -name '*.so' -exec strip --strip-unneeded {{}} +")
    run("sh", "-c", rf"find {packages} \( -name '*.pyx' -o -name '*.pxd' -o -name '*.c' \) -delete")
    run("chroot", made, *COMPILE, f"/usr/lib/{version}", "/opt/resolver/lib")
    return made


def run(*words: object, **more: str) -> None:
    subprocess.run([str(word) for word in words], check=True, timeout=300, env=os.environ | more, capture_output=True)


def assemble(folder: Path, made: Path) -> None:
    """Run the script with an apt of its own, which knows the release that the Dockerfile names."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "sources.list").write_text(DEBIAN)
    (folder / "status").touch()
    (folder / "apt.conf").write_text(
        f'Dir::Etc::sourcelist "{folder}/sources.list";\nDir::Etc::sourceparts "/dev/null";\n'
        f'Dir::State::lists "{folder}/lists";\nDir::State::status "{folder}/status";\n'
        f'Dir::Cache "{folder}/cache";\nAPT::Sandbox::User "root";\n'
    )
    run("apt-get", "-q", "update", APT_CONFIG=str(folder / "apt.conf"))
    run(ROOT / "deploy/image/assemble.sh", made, APT_CONFIG=str(folder / "apt.conf"))


def install(folder: Path, packages: Path, version: str) -> None:
    """What the Dockerfile has pip do, for another Python than ours."""
    pip = (sys.executable, "-m", "pip", "-q", "--disable-pip-version-check")
    run("cp", "-r", ROOT / "resolver", ROOT / "pyproject.toml", ROOT / "README.md", folder)
    run(*pip, "wheel", "--no-deps", "-w", folder, folder)
    (wheel,) = folder.glob("*.whl")
    system = [
        f"--platform={name}_{platform.machine()}" for name in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
    ]
    target = ("--target", packages, "--python-version", version, "--implementation", "cp", *system)
    run(*pip, "install", "--no-compile", "--only-binary=:all:", *target, f"{wheel}[{','.join(EXTRAS)}]")


@image
def test_the_image_is_small(root: Path) -> None:
    sizes = [path.lstat().st_size for path in root.rglob("*") if not path.is_dir()]
    assert sum(sizes) < WHOLE, f"{sum(sizes) / MEGABYTE:.1f} MB"


@image
def test_the_image_has_no_shell_and_no_package_manager(root: Path) -> None:
    programs = {path.name for folder in ("usr/bin", "usr/sbin") for path in (root / folder).iterdir()}
    assert not programs & {
        "sh",
        "bash",
        "dash",
        "busybox",
        "apt",
        "apt-get",
        "dpkg",
        "pip",
        "pip3",
        "gcc",
        "cc",
        "perl",
    }
    assert not list(root.rglob("site-packages/pip"))
    assert {"python3", "iptables", "ip6tables-restore"} <= programs


@image
def test_all_that_the_extras_are_for_can_be_imported(root: Path) -> None:
    code = (
        "import uvloop, lightkube, msgspec, httpx2, pyroute2, ssl; assert ssl.create_default_context().get_ca_certs()"
    )
    run("chroot", "--userspec=65532:65532", root, "/opt/resolver/bin/python", "-c", code)
    run("chroot", root, "/usr/sbin/iptables-legacy", "--version")
    run("chroot", root, "/usr/sbin/iptables", "--version")


@image
async def test_a_server_runs_in_it_as_its_user_on_a_file_system_that_cannot_be_written(root: Path) -> None:
    port, http = free_port(), free_port()
    (root / "etc/resolver").mkdir(parents=True, exist_ok=True)
    (root / "etc/hosts").touch()
    (root / "etc/resolver/Corefile").write_text(block(port, hosts("192.0.2.1"), "reload", http=http))
    for name in ("proc", "dev"):
        (root / name).mkdir(exist_ok=True)
    # The mounts are seen by this process and its children only, and go with them.
    script = f"""
        mount -o bind {root} {root} && mount -t proc proc {root}/proc && mount -o bind /dev {root}/dev &&
        mount -o remount,bind,ro {root} && ! touch {root}/tmp/written 2>/dev/null &&
        exec timeout 30 chroot --userspec=65532:65532 {root} /opt/resolver/bin/python -m resolver \
            -conf /etc/resolver/Corefile --workers 2
    """
    process = await asyncio.create_subprocess_exec(
        "unshare", "-m", "sh", "-c", script, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await until(lambda: ready(http))
        assert addresses(await ask(port, "www.example.org", host=HOST)) == ["192.0.2.1"]
        (server,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert Path(f"/proc/{server}").stat().st_uid == 65532
    finally:
        process.terminate()
        await process.wait()


async def ready(http: int) -> bool:
    try:
        return (await get(http, "/ready"))[0] == 200
    except OSError:
        return False
