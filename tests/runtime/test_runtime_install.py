"""The installer: what it refuses beforehand, what a failure leaves behind, and what it tells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import FaceLiftError
from core.progress import Reporter
from core.runtime import environment, lockfile, uv
from core.runtime.backends import Backend
from core.runtime.installer import Installation
from core.runtime.tool_environment import tool_environment
from core.runtime.tools import Pip, Uv
from tests.helpers.index import make_wheel, serve_index
from tests.helpers.runtime import roomy_folder, wheel_folder

HEADER = (
    "# torch = torch==2.13.0+cpu\n# torch-index = https://download.pytorch.org/whl/cpu\n"
    "# download-bytes = 1\n# installed-bytes = 1\n"
)
only_once = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="installs for a minute, once: in the run with Python 3.11"
)

slow_once = pytest.mark.once
"""For what pip does slowly: that it works with each Python is tested by ``test_settings_files_...[pip]``."""


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """A folder with the real uv."""
    folder = tmp_path_factory.mktemp("tools")
    try:
        uv.obtain(folder, None, True, Reporter())
    except uv.UvUnavailable as error:
        pytest.skip(f"uv can't be had here: {error}")
    return folder


@pytest.fixture
def home(tmp_path, tools):
    """A runtime's folder in which uv is already."""
    folder = tmp_path / "rt"
    shutil.copytree(tools, folder / environment.TOOLS)
    return folder


@pytest.fixture
def fast_folder():
    with roomy_folder() as folder:
        yield folder


def small_lock(folder: Path, text: str) -> lockfile.Lock:
    """Return a lock of a few packages."""
    (folder / "linux-x64-cpu.txt").write_text(HEADER + text)
    return lockfile.read("linux-x64", Backend.CPU, folder)


def pinned(wheel: Path, digest: str) -> str:
    """Return the line of a lock for a wheel."""
    name, version = wheel.name.split("-")[:2]
    return f"{name}=={version} --hash=sha256:{digest}\n"


def failure(installation: Installation) -> FaceLiftError:
    """Run an installation that must fail; check what it leaves and return why."""
    with pytest.raises(FaceLiftError) as caught:
        installation.run(Reporter())
    assert environment.environments(installation.home) == []
    assert not environment.state(installation.home).usable
    return caught.value


# What a person has set for other Pythons

PIP_SETTINGS = """[global]
index-url = {url}
user = true
no-binary = :all:
constraint = {folder}/constraints.txt
[install]
target = {folder}/elsewhere
"""
UV_SETTINGS = {
    "target": "[pip]\ntarget = '{folder}/elsewhere'\nno-binary = [':all:']\n",
    "prefix": "no-binary = true\nexclude-newer = '2001-01-01'\n[pip]\nprefix = '{folder}/elsewhere'\n",
    "unknown": "no-such-field = 1\n",
    "damaged": "[pip\n",
}
VARIABLES = {
    **{f"{tool}_{name}": "{folder}/elsewhere" for tool in ("PIP", "UV") for name in ("TARGET", "PREFIX")},
    **{f"PIP_{name}": "1" for name in ("USER", "NO_INDEX", "REQUIRE_VIRTUALENV", "NO_DEPS")},
    **{f"UV_{name}": "1" for name in ("NO_BINARY", "OFFLINE", "NO_INDEX", "SYSTEM_PYTHON")},
    **{f"{tool}_CONSTRAINT": "{folder}/constraints.txt" for tool in ("PIP", "UV")},
}


@pytest.fixture
def person(tmp_path, monkeypatch):
    """A person's home, with no settings yet, whatever this computer has."""
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_", "XDG_CONFIG")):
            monkeypatch.delenv(name)
    folder = tmp_path / "person"
    for name, place in {
        "HOME": "",
        "XDG_CONFIG_HOME": ".config",
        "XDG_CONFIG_DIRS": "etc",
        "APPDATA": ".config",
    }.items():
        monkeypatch.setenv(name, str(folder / place))
    for name in ("pip", "uv"):
        (folder / ".config" / name).mkdir(parents=True)
    (folder / "constraints.txt").write_text("tiny_thing==0.1\n")
    return folder


def install_tiny(tool_class, home, tmp_path, index) -> str:
    """Install a small wheel with a real tool into a new environment; return where Python finds it there."""
    (wheel,) = tmp_path.glob("tiny_thing-*.whl")
    (home / environment.CACHE / "tmp").mkdir(parents=True)
    arguments = (home, tool_environment(home), Reporter(), lambda: None)
    tool = (
        Pip(*arguments)
        if tool_class is Pip
        else Uv(uv.obtain(home / environment.TOOLS, None, False, Reporter()), *arguments)
    )
    target = home / "e1"
    tool.make(target, Path(sys.executable))
    tool.install_locked(target, small_lock(tmp_path, pinned(wheel, index.sha256(wheel))), [])
    find = [environment.python_of(target), "-I", "-c", "import tiny_thing; print(tiny_thing.__file__)"]
    return subprocess.run(find, capture_output=True, text=True, check=True).stdout


def check_settings(tool_class, home, tmp_path, person, index) -> None:
    assert install_tiny(tool_class, home, tmp_path, index).startswith(str(home / "e1"))
    assert not (person / "elsewhere").exists() and not (person / ".local").exists()
    assert any(path.startswith("/files/tiny_thing") for path in index.requests), "the person's index was not asked"


@pytest.mark.parametrize(
    ("tool_class", "kind"), [*((Uv, kind) for kind in UV_SETTINGS), (Pip, "target")], ids=[*UV_SETTINGS, "pip"]
)
def test_settings_files_decide_on_the_index_alone(home, tmp_path, person, tool_class, kind):
    make_wheel(tmp_path, "tiny_thing", "1.0")
    with serve_index(tmp_path) as index:
        (person / ".config/pip/pip.conf").write_text(PIP_SETTINGS.format(url=index.url, folder=person))
        (person / ".config/uv/uv.toml").write_text(UV_SETTINGS[kind].format(folder=person))
        check_settings(tool_class, home, tmp_path, person, index)


@pytest.mark.parametrize("tool_class", [Uv, pytest.param(Pip, marks=slow_once)])
def test_variables_decide_on_the_index_alone(home, tmp_path, person, monkeypatch, tool_class):
    make_wheel(tmp_path, "tiny_thing", "1.0")
    with serve_index(tmp_path) as index:
        for name, value in VARIABLES.items():
            monkeypatch.setenv(name, value.format(folder=person))
        table = f"[[index]]\nname = 'studio'\nurl = '{index.url}'\ndefault = true\n"
        (person / ".config/uv/uv.toml").write_text(table)
        check_settings(tool_class, home, tmp_path, person, index)


# Failures on the way


@pytest.mark.parametrize("use_uv", [True, pytest.param(False, marks=slow_once)], ids=["uv", "pip"])
def test_wrong_bytes_are_refused(home, tmp_path, person, monkeypatch, use_uv):
    wheel = make_wheel(tmp_path, "tiny_thing", "1.0")
    lock = small_lock(tmp_path, pinned(wheel, "0" * 64))
    with serve_index(tmp_path) as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        error = failure(Installation(home, lock, Path(sys.executable), wheels=_torch_named(tmp_path), use_uv=use_uv))
    assert error.code == "wrong-hash"


def _torch_named(folder: Path) -> Path:
    """Return a folder with a file named as PyTorch's wheel for this Python: this Python is then the base."""
    wheels = folder / "wheels"
    wheels.mkdir(exist_ok=True)
    tag = f"cp3{sys.version_info[1]}"
    (wheels / f"torch-2.13.0+cpu-{tag}-{tag}-manylinux_2_28_x86_64.whl").write_bytes(b"not reached")
    return wheels


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "not-allowed"), (403, "not-allowed"), (407, "proxy"), (429, "too-many-requests"), (503, "server-trouble")],
)
def test_answers_of_an_index_are_explained(home, tmp_path, person, monkeypatch, status, code):
    wheel = make_wheel(tmp_path, "tiny_thing", "1.0")
    with serve_index(tmp_path) as index:
        lock = small_lock(tmp_path, pinned(wheel, index.sha256(wheel)))
        index.status = status
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        error = failure(Installation(home, lock, Path(sys.executable), wheels=_torch_named(tmp_path)))
    assert error.code == code, error.details
    assert str(status) in error.details["raw"]


def test_cut_transfer_is_explained(home, tmp_path, person, monkeypatch):
    wheel = make_wheel(tmp_path, "tiny_thing", "1.0", padding=300_000)
    with serve_index(tmp_path) as index:
        lock = small_lock(tmp_path, pinned(wheel, index.sha256(wheel)))
        index.cut = True
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        error = failure(Installation(home, lock, Path(sys.executable), wheels=_torch_named(tmp_path)))
    assert error.code in ("connection", "damaged-package"), error.details


def test_nobody_listening_is_explained(home, tmp_path, person, monkeypatch):
    wheel = make_wheel(tmp_path, "tiny_thing", "1.0")
    lock = small_lock(tmp_path, pinned(wheel, "0" * 64))
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    error = failure(Installation(home, lock, Path(sys.executable), wheels=_torch_named(tmp_path)))
    assert error.code == "connection", error.details


def test_pips_mirror_is_used_by_uv(home, tmp_path, person, monkeypatch):
    wheel = make_wheel(tmp_path, "tiny_thing", "1.0")
    with serve_index(tmp_path) as index:
        lock = small_lock(tmp_path, pinned(wheel, index.sha256(wheel)))
        monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        error = failure(Installation(home, lock, Path(sys.executable), wheels=_torch_named(tmp_path)))
        assert any(path.startswith("/files/tiny_thing") for path in index.requests)
    # The locked package came; the file that only has PyTorch's name is what stops it.
    assert error.code in ("damaged-package", "not-found"), error.details


@only_once
def test_disk_that_fills_up_is_told_and_the_next_run_finishes(tmp_path, tools):
    wheels = wheel_folder()
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=420m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can't be mounted here")
    try:
        real = lockfile.read("linux-x64", Backend.CPU)
        text = real.path.read_text().replace(f"= {real.installed_bytes}", "= 1")
        (tmp_path / "linux-x64-cpu.txt").write_text(text)
        lock = lockfile.read("linux-x64", Backend.CPU, tmp_path)
        home = disk / "rt"
        shutil.copytree(tools, home / environment.TOOLS)
        # The list says that nothing is needed: so the disk fills up on the way.
        error = failure(Installation(home, lock, Path(sys.executable), wheels))
        assert error.code == "disk-full", error.details
        assert environment.state(home).status == "incomplete"
        subprocess.run(["mount", "-o", "remount,size=3g", str(disk)], check=True)
        Installation(home, lock, Path(sys.executable), wheels).run(Reporter())
        assert environment.state(home, lock.digest).status == "ready"
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@only_once
def test_uv_that_does_not_start_is_replaced_by_pip_which_needs_no_network(fast_folder):
    lock = lockfile.read("linux-x64", Backend.CPU)
    wheels = fast_folder / "wheels"
    shutil.copytree(wheel_folder(), wheels)
    # What the advice for studios says.
    fill = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes", "-r", lock.path]
    subprocess.run([*fill, "-d", wheels], check=True)
    home = fast_folder / "rt"
    program = home / environment.TOOLS / f"uv-{uv.pinned()[0]}" / uv.PROGRAM
    program.parent.mkdir(parents=True)
    program.write_bytes(b"\x00 quarantined")
    program.chmod(0o755)
    marker = Installation(home, lock, Path(sys.executable), wheels, online=False).run(Reporter())
    assert marker["installer"] == "pip"
    assert any("pip" in note for note in marker["notes"])
    assert environment.state(home, lock.digest).status == "ready"


def test_offline_without_wheels_is_refused(home):
    lock = lockfile.read("linux-x64", Backend.CPU)
    error = failure(Installation(home, lock, Path(sys.executable), online=False))
    assert error.code == "offline"


def test_wheels_for_another_python_are_told(home, tmp_path):
    wheels = tmp_path / "other"
    wheels.mkdir()
    (wheels / "torch-2.13.0+cpu-cp39-cp39-manylinux_2_28_x86_64.whl").touch()
    lock = small_lock(tmp_path, "")
    error = failure(Installation(home, lock, Path(sys.executable), wheels, online=False))
    assert error.code == "wrong-wheels"
    assert "3.9" in error.message
