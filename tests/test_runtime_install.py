"""The installer: what it refuses beforehand, what a failure leaves behind, and what it tells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from core.errors import Cancelled, FaceLiftError
from core.progress import Reporter
from core.runtime import command, environment, lockfile, preflight, relocate, uv
from core.runtime.backends import Backend
from core.runtime.errors import RuntimeProblem
from core.runtime.installer import Installation
from core.runtime.tool_environment import tool_environment
from tests.index_helpers import make_wheel, serve_index
from tests.runtime_helpers import roomy_folder, wheel_folder

HEADER = (
    "# torch = torch==2.13.0+cpu\n# torch-index = https://download.pytorch.org/whl/cpu\n"
    "# download-bytes = 1\n# installed-bytes = 1\n"
)
only_once = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="installs for a minute, once: in the run with Python 3.11"
)


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


# Failures on the way


@pytest.mark.parametrize("use_uv", [True, False], ids=["uv", "pip"])
def test_wrong_bytes_are_refused(home, tmp_path, monkeypatch, use_uv):
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
def test_answers_of_an_index_are_explained(home, tmp_path, monkeypatch, status, code):
    wheel = make_wheel(tmp_path, "tiny_thing", "1.0")
    with serve_index(tmp_path) as index:
        lock = small_lock(tmp_path, pinned(wheel, index.sha256(wheel)))
        index.status = status
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        error = failure(Installation(home, lock, Path(sys.executable), wheels=_torch_named(tmp_path)))
    assert error.code == code, error.details
    assert str(status) in error.details["raw"]


def test_cut_transfer_is_explained(home, tmp_path, monkeypatch):
    wheel = make_wheel(tmp_path, "tiny_thing", "1.0", padding=300_000)
    with serve_index(tmp_path) as index:
        lock = small_lock(tmp_path, pinned(wheel, index.sha256(wheel)))
        index.cut = True
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        error = failure(Installation(home, lock, Path(sys.executable), wheels=_torch_named(tmp_path)))
    assert error.code in ("connection", "damaged-package"), error.details


def test_nobody_listening_is_explained(home, tmp_path, monkeypatch):
    wheel = make_wheel(tmp_path, "tiny_thing", "1.0")
    lock = small_lock(tmp_path, pinned(wheel, "0" * 64))
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    error = failure(Installation(home, lock, Path(sys.executable), wheels=_torch_named(tmp_path)))
    assert error.code == "connection", error.details


def test_pips_mirror_is_used_by_uv(home, tmp_path, monkeypatch):
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


# Refused beforehand


def test_offline_without_wheels_is_refused(home):
    lock = lockfile.read("linux-x64", Backend.CPU)
    error = failure(Installation(home, lock, Path(sys.executable), online=False))
    assert error.code == "offline"


def test_missing_wheels_are_named(tmp_path):
    lock = lockfile.read("linux-x64", Backend.CPU)
    make_wheel(tmp_path, "numpy", lock.packages["numpy"])
    with pytest.raises(RuntimeProblem) as caught:
        preflight.check_wheels(tmp_path, lock, online=False)
    missing = caught.value.details["missing"]
    assert len(missing) == len(lock.packages)
    assert "torch==2.13.0+cpu" in missing
    assert not any(name.startswith("numpy==") for name in missing)


def test_wheels_for_another_python_are_told(home, tmp_path):
    wheels = tmp_path / "other"
    wheels.mkdir()
    (wheels / "torch-2.13.0+cpu-cp39-cp39-manylinux_2_28_x86_64.whl").touch()
    lock = small_lock(tmp_path, "")
    error = failure(Installation(home, lock, Path(sys.executable), wheels, online=False))
    assert error.code == "wrong-wheels"
    assert "3.9" in error.message


def test_too_small_disk_is_told_before_anything_is_written(tmp_path):
    real = lockfile.read("linux-x64", Backend.CPU)
    text = real.path.read_text().replace(f"= {real.installed_bytes}", f"= {1 << 60}")
    (tmp_path / "linux-x64-cpu.txt").write_text(text)
    lock = lockfile.read("linux-x64", Backend.CPU, tmp_path)
    with pytest.raises(FaceLiftError) as caught:
        preflight.check_disk(tmp_path, lock, 0)
    assert caught.value.code == "disk-full"


def test_program_that_is_no_python_is_refused(tmp_path):
    for path in (Path("/bin/false"), tmp_path / "missing"):
        with pytest.raises(RuntimeProblem) as caught:
            preflight.python_version(path, Reporter())
        assert caught.value.code == "bad-python"


def test_folder_that_is_a_file_is_refused(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(RuntimeProblem) as caught, environment.locked(path):
        pass
    assert caught.value.code == "folder-unwritable"


def test_second_installation_in_a_folder_is_refused(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom core.runtime import environment\n"
        "with environment.locked(Path(sys.argv[1])):\n    print('locked', flush=True)\n    sys.stdin.read()\n"
    )
    root = Path(environment.__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline().strip() == b"locked"
        with pytest.raises(RuntimeProblem) as caught, environment.locked(tmp_path):
            pass
        assert caught.value.code == "busy"
        other.kill()
    with environment.locked(tmp_path):
        pass


# Parts


def test_marker_that_is_damaged_counts_as_incomplete(tmp_path):
    (tmp_path / environment.MARKER).write_text("{")
    assert environment.state(tmp_path).status == "incomplete"
    (tmp_path / environment.MARKER).write_text("[]")
    assert environment.state(tmp_path).status == "incomplete"


def test_marker_can_not_lead_out_of_the_folder(tmp_path):
    environment.write_marker(tmp_path, {"state": "complete", "environment": "../../usr"})
    assert environment.state(tmp_path).status == "broken"


def test_cancelled_tool_takes_its_children_along(tmp_path):
    event = threading.Event()
    script = "import subprocess, sys; subprocess.run(['sleep', '60'])"
    threading.Timer(0.5, event.set).start()
    begin = time.monotonic()
    with pytest.raises(Cancelled):
        command.run([sys.executable, "-c", script], Reporter(cancel=event))
    assert time.monotonic() - begin < 30, "the tool was waited for"


def test_tools_see_proxies_but_no_other_python(monkeypatch, tmp_path):
    changes = {"PYTHONHOME": "/x", "VIRTUAL_ENV": "/y", "HTTPS_PROXY": "http://proxy:1", "PIP_CERT": "c"}
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    variables = tool_environment(tmp_path)
    assert "PYTHONHOME" not in variables
    assert "VIRTUAL_ENV" not in variables
    assert variables["HTTPS_PROXY"] == "http://proxy:1"
    assert variables["SSL_CERT_FILE"] == "c"


def test_moving_to_another_disk_copies_then_deletes(tmp_path):
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    source = memory / f"facelift-move-{os.getpid()}"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "file").write_bytes(b"x" * 1000)
    (source / "link").symlink_to("deep/file")
    seen = []
    relocate.move_folder(source, tmp_path / "new", Reporter(lambda progress: seen.append(progress.step)))
    assert not source.exists()
    assert (tmp_path / "new" / "link").read_bytes() == b"x" * 1000
    assert max(seen) >= 1000


def test_moving_into_itself_or_onto_something_is_refused(tmp_path):
    source = tmp_path / "a"
    source.mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "file").touch()
    for target in (source / "inside", tmp_path / "b"):
        with pytest.raises(RuntimeProblem):
            relocate.move_folder(source, target, Reporter())
    assert source.exists()


def test_uv_with_other_bytes_is_not_used(tmp_path, monkeypatch):
    tag = uv.WHEEL_TAGS.get(sys.platform, "manylinux")
    name = f"uv-{uv.pinned()[0]}-py3-none-{tag}.whl"
    (tmp_path / name).write_bytes(b"evil")
    with pytest.raises(uv.UvUnavailable):
        uv.obtain(tmp_path / "tools", tmp_path, False, Reporter())
    with serve_index(tmp_path) as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        with pytest.raises(uv.UvUnavailable):
            uv.obtain(tmp_path / "tools", None, True, Reporter())
    assert not list(tmp_path.glob("tools/**/uv"))
