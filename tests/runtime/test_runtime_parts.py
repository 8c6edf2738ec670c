"""What an installation is refused for beforehand, and the parts that it is made of."""

from __future__ import annotations

import os
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
from core.runtime.tool_environment import tool_environment
from tests.helpers.index import make_wheel, serve_index
from tests.helpers.patience import PATIENCE


def test_missing_wheels_are_named(tmp_path):
    lock = lockfile.read("linux-x64", Backend.CPU)
    make_wheel(tmp_path, "numpy", lock.packages["numpy"])
    with pytest.raises(RuntimeProblem) as caught:
        preflight.check_wheels(tmp_path, lock, online=False)
    missing = caught.value.details["missing"]
    assert len(missing) == len(lock.packages)
    assert "torch==2.13.0+cpu" in missing
    assert not any(name.startswith("numpy==") for name in missing)


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
    script = "import subprocess, sys; subprocess.run(['sleep', '1000'])"
    threading.Timer(0.5, event.set).start()
    begin = time.monotonic()
    with pytest.raises(Cancelled):
        command.run([sys.executable, "-c", script], Reporter(cancel=event))
    assert time.monotonic() - begin < PATIENCE, "the tool was waited for"


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
