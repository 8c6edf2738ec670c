"""What must not happen anywhere in the product: shells, code from data, files outside of their folder."""

from __future__ import annotations

import ast
import hashlib
import os
import pickle
import sys
import time
import zipfile
from pathlib import Path

import pytest

from core.progress import Reporter
from core.runtime import uv
from core.worker.client import WorkerClient
from core.worker.launch import custom_command
from tests.helpers.patience import PATIENCE
from tests.helpers.worker import capture, photo_bytes

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = [path for folder in ("core", "facelift_addon") for path in sorted((ROOT / folder).rglob("*.py"))]
BUILDERS = ROOT / "core" / "assets"
"""Makes data files from packages on a developer's computer; not in the zip."""
FORBIDDEN = {
    "eval",
    "exec",
    "os.system",
    "os.popen",
    "pickle.load",
    "pickle.loads",
    "pickle.Unpickler",
    "marshal.loads",
    "shelve.open",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "shutil.unpack_archive",
    "tempfile.mktemp",
}


def calls(path: Path):
    """Yield (dotted name, call) of every call in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_no_shell_and_no_code_from_data():
    assert len(SHIPPED) > 100
    for path in SHIPPED:
        for name, call in calls(path):
            place = f"{path.relative_to(ROOT)}:{call.lineno} {name}"
            options = {keyword.arg: keyword.value for keyword in call.keywords}
            assert name not in FORBIDDEN or path.is_relative_to(BUILDERS), place
            assert "shell" not in options, place
            if name.endswith(("extractall", ".extract")):
                assert ast.unparse(options["filter"]) == "'data'", f"{place}: may leave the folder"
            if name == "torch.load":
                assert ast.unparse(options["weights_only"]) == "True", place
            if name.endswith((".load", "np.load")) and "allow_pickle" in options:
                assert ast.unparse(options["allow_pickle"]) == "False", place


def test_uv_is_the_only_thing_that_leaves_its_wheel(tmp_path, monkeypatch):
    tag = next(iter(uv.WHEEL_TAGS.values())) if os.name == "posix" else "win_amd64"
    wheel = tmp_path / "wheels" / f"uv-{uv.pinned()[0]}-py3-none-{tag}.whl"
    wheel.parent.mkdir()
    program = f"uv-{uv.pinned()[0]}.data/scripts/{uv.PROGRAM}"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in ("../../outside", "/tmp/outside-facelift", f"../{program}", program, "uv/__init__.py"):
            archive.writestr(name, "#!/bin/sh\nexit 0\n")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    monkeypatch.setattr(uv, "pinned", lambda: (wheel.name.split("-")[1], frozenset([digest])))
    monkeypatch.setitem(uv.WHEEL_TAGS, sys.platform, tag)
    tools = tmp_path / "tools"
    found = uv.obtain(tools, wheel.parent, False, Reporter())
    assert found.is_relative_to(tools)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert files == sorted([found, wheel])
    assert not Path("/tmp/outside-facelift").exists()


def test_a_checkpoint_that_is_a_program_does_not_run(tmp_path):
    torch = pytest.importorskip("torch")
    from core.engines.facelift.checkpoint import Checkpoint
    from core.engines.facelift.errors import CheckpointError

    victim = tmp_path / "ran"

    class Program:
        def __reduce__(self):
            return os.mkdir, (str(victim),)

    path = tmp_path / "gslrm" / "ckpt_1.pt"
    path.parent.mkdir()
    torch.save({"model": Program()}, path)
    with pytest.raises(CheckpointError):
        Checkpoint(tmp_path).gslrm_weights()
    assert not victim.exists()
    path.write_bytes(pickle.dumps(Program()))
    with pytest.raises(CheckpointError):
        Checkpoint(tmp_path).gslrm_weights()
    assert not victim.exists()


@pytest.mark.skipif(os.name != "posix", reason="the command is a POSIX one")
@pytest.mark.parametrize("trap", ["; touch {}", "$(touch {})", "`touch {}`", "| touch {}", "&& touch {}", "> {}"])
def test_the_workers_command_reaches_no_shell(tmp_path, trap):
    victim = tmp_path / "ran"
    client = WorkerClient(custom_command(f"echo {trap.format(victim)}"), tmp_path / "log")
    job = client.generate(capture(photo_bytes(), "a.png"), "draft", {})
    limit = time.monotonic() + PATIENCE
    while not job.finished:
        assert time.monotonic() < limit
        client.poll()
        time.sleep(0.01)
    client.close()
    assert job.error is not None
    assert not victim.exists()
