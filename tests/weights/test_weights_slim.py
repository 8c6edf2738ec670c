"""Slimming: size, equality, interruption at any point, full disks, deleting the original."""

from __future__ import annotations

# First of all: where torch is absent, it skips the module.
from tests.helpers.facelift import (
    other_checkpoint,
    rewrite_weights,
    torch,
)

# isort: split
import json
import math
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from core.engines.facelift import location, slimming
from core.engines.facelift.checkpoint import Checkpoint
from core.errors import Cancelled, EngineUnavailable, FaceLiftError
from core.progress import Reporter
from core.weights import half
from core.weights.errors import WeightsError
from core.weights.remove import remove_original
from core.weights.slim import TOLERANCE, slim
from core.weights.slim_outputs import outputs
from core.weights.table import FileTable
from core.weights.tensor_files import DTYPES, header_bytes, write_tensors
from core.weights.verify import MANIFEST_NAME, verify
from tests.helpers.patience import PATIENCE

pytestmark = pytest.mark.usefixtures("own_cache")

ROOT = Path(__file__).resolve().parents[2]
GSLRM = "gslrm/ckpt_0000000000021125"
UNET = "mvdiffusion/pipeckpts/unet/diffusion_pytorch_model.safetensors"
FULL_LIMIT = 4_000_000_000
"""Bytes that the slimmed official checkpoint may take at most."""
"""Seconds after which a process that should have got somewhere counts as stuck."""

PROCESSES = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
"""Gives processes in which nothing ran, but PyTorch is loaded: that is done once."""
PROCESSES.set_forkserver_preload(["tests.helpers.facelift", slimming.__name__, slim.__module__])


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def models_of(folder: Path) -> dict[str, bytes]:
    """All files but the manifest, whose measured differences depend on the number of threads."""
    return {name: contents for name, contents in snapshot(folder).items() if name != MANIFEST_NAME}


@pytest.fixture(scope="module")
def slimmed(checkpoint_folder, tmp_path_factory) -> Path:
    """The tiny checkpoint's slimmed form. Read only."""
    target = tmp_path_factory.mktemp("slim") / "slim"
    slim(checkpoint_folder, target, slimming, FileTable.of_folder(checkpoint_folder))
    return target


def test_slimmed_form_is_smaller_equal_and_verified(checkpoint_folder, slimmed):
    manifest = json.loads((slimmed / MANIFEST_NAME).read_text())
    assert set(manifest["differences"]) == {
        "unet",
        "vae",
        "image_encoder",
        "image_normalizer",
        "gslrm",
        "prompt_embeddings",
    }
    assert max(manifest["differences"].values()) < TOLERANCE
    size = sum(len(contents) for contents in snapshot(slimmed).values())
    assert size < 0.52 * sum(len(contents) for contents in snapshot(checkpoint_folder).values())
    report = verify(slimmed)
    assert report.problems == ()
    listed = {file["path"] for file in manifest["files"]}
    assert listed | {MANIFEST_NAME} == set(snapshot(slimmed))
    sources = {entry["path"]: entry for entry in manifest["source"]}
    table = FileTable.of_folder(checkpoint_folder)
    assert sources == {f.path: {"path": f.path, "size": f.size, "sha256": f.sha256} for f in table.files}


def test_slimmed_form_has_no_pickle_optimizer_or_text_encoder(slimmed):
    names = set(snapshot(slimmed))
    assert not [name for name in names if name.endswith(".pt") or "text_encoder" in name or "tokenizer" in name]
    weights = Checkpoint.open(slimmed).gslrm_weights()
    assert not [name for name in weights if name.startswith("loss_calculator")]
    assert {tensor.dtype for tensor in weights.values() if tensor.ndim > 1} == {torch.float16}
    assert weights["input_layer_norm.weight"].dtype == torch.float32


def test_slimmed_weights_are_the_rounded_originals(checkpoint_folder, slimmed):
    original, small = Checkpoint.open(checkpoint_folder), Checkpoint.open(slimmed)
    for read in (lambda c: c.weights("unet"), lambda c: c.weights("vae"), lambda c: c.gslrm_weights()):
        exact, rounded = read(original), read(small)
        assert exact.keys() == rounded.keys()
        for name, tensor in exact.items():
            torch.testing.assert_close(rounded[name].float(), tensor.to(rounded[name].dtype).float(), rtol=0, atol=0)


def test_same_checkpoint_gives_the_same_bytes(checkpoint_folder, slimmed, tmp_path):
    slim(checkpoint_folder, tmp_path / "again", slimming, FileTable.of_folder(checkpoint_folder))
    assert models_of(tmp_path / "again") == models_of(slimmed)


def test_checkpoint_of_other_sizes_is_slimmed_too(checkpoint_folder, tmp_path):
    source = other_checkpoint(checkpoint_folder, tmp_path / "other")
    result = slim(source, tmp_path / "slim", slimming, None)
    assert max(result.differences.values()) < TOLERANCE
    assert Checkpoint.open(tmp_path / "slim").gslrm_head_width() == 12


def test_values_beyond_float16_are_kept_and_listed(own_checkpoint, tmp_path):
    name = "mid_block.resnets.0.conv1.weight"

    def enlarge(weights):
        weights[name][0, 0, 0, 0] = 1e5

    rewrite_weights(own_checkpoint / UNET, enlarge)
    result = slim(own_checkpoint, tmp_path / "slim", slimming, None)
    assert result.kept == (f"{UNET}: {name}",)
    assert Checkpoint.open(tmp_path / "slim").weights("unet")[name][0, 0, 0, 0] == 1e5


def test_full_size_checkpoint_comes_below_four_gigabytes(shared):
    """By the manifests of the full-size models, with everything rounded that may be."""
    models = sum(slim_bytes(shared, name) for name in ("unet", "gslrm", "vae", "image_encoder"))
    prompts = 2 * 6 * 77 * 1024
    assert 3_700_000_000 < models + prompts < FULL_LIMIT


def slim_bytes(shared: Path, name: str) -> int:
    """Bytes of a slimmed model by its full-size manifest."""
    manifest = json.loads((shared / "facelift-parity" / f"manifest-{name}-full.json").read_text())
    shapes = {key: tuple(tensor["shape"]) for key, tensor in manifest["tensors"].items()}
    layout = {key: ("F32" if half.is_vector(shape) else "F16", shape) for key, shape in shapes.items()}
    return len(header_bytes(layout, {})) + sum(math.prod(s) * DTYPES[t].itemsize for t, s in layout.values())


def test_damaged_source_is_refused_before_anything_is_written(own_checkpoint, tmp_path):
    table = FileTable.of_folder(own_checkpoint)
    contents = bytearray((own_checkpoint / UNET).read_bytes())
    contents[-1] ^= 1
    (own_checkpoint / UNET).write_bytes(contents)
    with pytest.raises(WeightsError) as caught:
        slim(own_checkpoint, tmp_path / "slim", slimming, table)
    assert caught.value.details["files"] == [UNET]
    assert not list(tmp_path.glob("slim*"))


def test_existing_folder_is_never_overwritten(checkpoint_folder, tmp_path):
    (tmp_path / "slim").mkdir()
    (tmp_path / "slim" / "diary.txt").write_text("mine")
    with pytest.raises(WeightsError):
        slim(checkpoint_folder, tmp_path / "slim", slimming, None)
    (tmp_path / "other.unfinished").mkdir()
    (tmp_path / "other.unfinished" / "diary.txt").write_text("mine")
    with pytest.raises(WeightsError):
        slim(checkpoint_folder, tmp_path / "other", slimming, None)
    assert (tmp_path / "slim" / "diary.txt").read_text() == "mine"
    assert (tmp_path / "other.unfinished" / "diary.txt").read_text() == "mine"


def test_different_outputs_are_refused(checkpoint_folder, tmp_path, monkeypatch):
    """A conversion that goes wrong must not pass the comparison."""
    exact = half.converted

    def scaled(tensor, target):
        return (piece * piece.dtype.type(1.5) for piece in exact(tensor, target))

    monkeypatch.setattr(half, "converted", scaled)
    before = snapshot(checkpoint_folder)
    with pytest.raises(WeightsError) as caught:
        slim(checkpoint_folder, tmp_path / "slim", slimming, None)
    assert caught.value.code == "slim-differs"
    assert not list(tmp_path.iterdir())
    assert snapshot(checkpoint_folder) == before


def shows(folder: Path, name: str) -> bool:
    """Whether a file is there, complete or not; the folder may get another name meanwhile."""
    try:
        return any(folder.rglob(f"*{name}*"))
    except FileNotFoundError:
        return False


def slim_with_one_thread(source: Path, target: Path) -> None:
    torch.set_num_threads(1)
    slim(source, target, slimming, None)


@pytest.mark.parametrize("moment", ["prompt_embeddings.safetensors", UNET, f"{GSLRM}.safetensors", MANIFEST_NAME])
def test_killed_process_is_taken_up(checkpoint_folder, slimmed, tmp_path, moment):
    """SIGKILL as soon as a file shows up, complete or not; the next run finishes with the same bytes."""
    target = tmp_path / "slim"
    work = tmp_path / "slim.unfinished"
    name = Path(moment).name
    process = PROCESSES.Process(target=slim_with_one_thread, args=(checkpoint_folder, target))
    process.start()
    deadline = time.monotonic() + PATIENCE
    has_ended = False
    while not shows(work, name) and not target.exists():
        assert not has_ended
        # It may end between two looks; then the file or the finished folder is there at the next.
        has_ended = not process.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.kill()
    process.join()
    assert not target.exists() or verify(target).problems == ()
    slim(checkpoint_folder, target, slimming, FileTable.of_folder(checkpoint_folder))
    assert verify(target).problems == ()
    assert not work.exists()
    assert models_of(target) == models_of(slimmed)


def test_run_stopped_before_the_renaming_is_taken_up(checkpoint_folder, slimmed, tmp_path, monkeypatch):
    """The narrowest gap: everything is written, the journal is gone, the folder has not got its name."""
    target, real = tmp_path / "slim", Path.replace

    def stopped(path: Path, other: Path):
        if other == target:
            raise KeyboardInterrupt
        return real(path, other)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stopped)
        with pytest.raises(KeyboardInterrupt):
            slim(checkpoint_folder, target, slimming, None)
    work = tmp_path / "slim.unfinished"
    finished = {path: path.stat().st_mtime_ns for path in work.rglob("*.safetensors")}
    assert finished
    slim(checkpoint_folder, target, slimming, None)
    assert {
        work / path.relative_to(target): path.stat().st_mtime_ns for path in target.rglob("*.safetensors")
    } == finished
    assert models_of(target) == models_of(slimmed)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_cancelled_run_is_taken_up_and_keeps_finished_files(checkpoint_folder, tmp_path, share):
    cancel = threading.Event()

    def on_progress(progress):
        if progress.stage.startswith("Writing") and progress.step > share * progress.steps:
            cancel.set()

    with pytest.raises(Cancelled):
        slim(checkpoint_folder, tmp_path / "slim", slimming, None, Reporter(on_progress, cancel=cancel))
    work = tmp_path / "slim.unfinished"
    finished = {path: path.stat().st_mtime_ns for path in work.rglob("*.safetensors")}
    assert not list(work.rglob("*.part"))
    seen = []
    result = slim(checkpoint_folder, tmp_path / "slim", slimming, None, Reporter(seen.append))
    for path, changed in finished.items():
        assert (tmp_path / "slim" / path.relative_to(work)).stat().st_mtime_ns == changed
    written = max(progress.step for progress in seen if progress.stage.startswith("Writing"))
    kept = sum((tmp_path / "slim" / path.relative_to(work)).stat().st_size for path in finished)
    assert written + kept <= result.size


def test_run_stopped_before_the_comparison_writes_nothing_again(checkpoint_folder, slimmed, tmp_path):
    cancel = threading.Event()

    def on_progress(progress):
        if progress.stage.startswith("Comparing"):
            cancel.set()

    with pytest.raises(Cancelled):
        slim(checkpoint_folder, tmp_path / "slim", slimming, None, Reporter(on_progress, cancel=cancel))
    complete = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "slim.unfinished").rglob("*.safetensors")}
    slim(checkpoint_folder, tmp_path / "slim", slimming, None)
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "slim").rglob("*.safetensors")} == complete
    assert models_of(tmp_path / "slim") == models_of(slimmed)


def test_torn_file_of_an_unfinished_run_is_written_again(checkpoint_folder, slimmed, tmp_path):
    """As after a power failure: the journal lists a file whose bytes never reached the disk."""
    cancel = threading.Event()

    def on_progress(progress):
        if progress.stage.startswith("Comparing"):
            cancel.set()

    with pytest.raises(Cancelled):
        slim(checkpoint_folder, tmp_path / "slim", slimming, None, Reporter(on_progress, cancel=cancel))
    torn = tmp_path / "slim.unfinished" / UNET
    torn.write_bytes(bytes(torn.stat().st_size))
    slim(checkpoint_folder, tmp_path / "slim", slimming, None)
    assert (tmp_path / "slim" / UNET).read_bytes() == (slimmed / UNET).read_bytes()


def test_changed_source_begins_anew(own_checkpoint, tmp_path):
    cancel = threading.Event()

    def on_progress(progress):
        if progress.stage.startswith("Comparing"):
            cancel.set()

    with pytest.raises(Cancelled):
        slim(own_checkpoint, tmp_path / "slim", slimming, None, Reporter(on_progress, cancel=cancel))
    rewrite_weights(own_checkpoint / UNET, lambda weights: weights["conv_in.bias"].add_(1))
    slim(own_checkpoint, tmp_path / "slim", slimming, None)
    exact = Checkpoint.open(own_checkpoint).weights("unet")["conv_in.bias"]
    assert torch.equal(Checkpoint.open(tmp_path / "slim").weights("unet")["conv_in.bias"], exact)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB, where this process may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "facelift-test", str(folder)]
    if os.name != "posix" or shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_disk_that_is_too_small_is_told_before_writing(checkpoint_folder, small_disk):
    with pytest.raises(FaceLiftError) as caught:
        slim(checkpoint_folder, small_disk / "slim", slimming, None)
    assert caught.value.code == "disk-full"
    assert caught.value.details["needed"] > caught.value.details["free"] > 0
    assert caught.value.advice
    assert not list(small_disk.rglob("*.safetensors"))


def test_disk_that_fills_up_meanwhile_loses_nothing(checkpoint_folder, small_disk, monkeypatch):
    """Another program takes the space after the look at the disk."""
    roomy = shutil._ntuple_diskusage(10**9, 0, 10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: roomy)
    before = snapshot(checkpoint_folder)
    with pytest.raises(FaceLiftError) as caught:
        slim(checkpoint_folder, small_disk / "slim", slimming, None)
    assert caught.value.code == "disk-full"
    assert not list(small_disk.rglob("*.part"))
    assert snapshot(checkpoint_folder) == before
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    slim(checkpoint_folder, small_disk / "slim", slimming, None)
    assert verify(small_disk / "slim").problems == ()


MEMORY_PROGRAM = """
import resource, sys
from pathlib import Path
from core.weights import half
from core.weights.tensor_files import stored_tensors
tensor = stored_tensors(Path(sys.argv[1]))["x"]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
written = sum(piece.nbytes for piece in half.converted(tensor, half.choose_dtype(tensor)))
print(written, 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in other units elsewhere")
def test_memory_is_bounded_by_a_piece(tmp_path):
    """A tensor of 400 MB is converted by a process that grows by a fraction of that."""
    rows, columns = 10_000, 10_000
    path = tmp_path / "large.safetensors"
    with path.open("wb") as stream:
        noise = np.random.default_rng(0).standard_normal(columns).astype(np.float32)
        write_tensors(stream, {"x": ("F32", (rows, columns))}, (noise for _ in range(rows)), {})
    command = [sys.executable, "-c", MEMORY_PROGRAM, str(path)]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    written, grown = map(int, output.split())
    assert written == 2 * rows * columns
    assert grown < written / 2


def test_original_is_deleted_only_with_its_checked_slim_form(own_checkpoint, slimmed, tmp_path):
    target = Path(shutil.copytree(slimmed, tmp_path / "slim"))
    (own_checkpoint / "notes.txt").write_text("mine")
    (own_checkpoint / "gslrm" / "renders").mkdir()
    (own_checkpoint / "gslrm" / "renders" / "a.png").write_bytes(b"mine")
    size = sum(path.stat().st_size for path in own_checkpoint.rglob("*") if path.is_file()) - 8
    removal = remove_original(own_checkpoint, target)
    assert removal.freed == size
    assert set(snapshot(own_checkpoint)) == {"notes.txt", "gslrm/renders/a.png"}
    assert removal.left == ()
    assert verify(target).problems == ()


def test_damaged_slim_form_keeps_the_original(own_checkpoint, slimmed, tmp_path):
    target = Path(shutil.copytree(slimmed, tmp_path / "slim"))
    contents = bytearray((target / UNET).read_bytes())
    contents[-1] ^= 1
    (target / UNET).write_bytes(contents)
    before = snapshot(own_checkpoint)
    with pytest.raises(WeightsError):
        remove_original(own_checkpoint, target)
    assert snapshot(own_checkpoint) == before


def test_changed_files_and_files_elsewhere_stay(own_checkpoint, slimmed, tmp_path):
    elsewhere = tmp_path / "elsewhere.safetensors"
    shutil.move(own_checkpoint / UNET, elsewhere)
    (own_checkpoint / UNET).symlink_to(elsewhere)
    rewrite_weights(
        own_checkpoint / "mvdiffusion/pipeckpts/vae/diffusion_pytorch_model.safetensors",
        lambda weights: weights["quant_conv.bias"].add_(1),
    )
    removal = remove_original(own_checkpoint, slimmed)
    assert set(removal.left) == {UNET, "mvdiffusion/pipeckpts/vae/diffusion_pytorch_model.safetensors"}
    assert elsewhere.is_file()
    assert (own_checkpoint / UNET).is_symlink()
    assert not (own_checkpoint / f"{GSLRM}.pt").exists()


def test_files_of_the_hub_cache_are_deleted_with_their_links(checkpoint_folder, slimmed, tmp_path):
    repository = tmp_path / "hub" / "models--wlyu--OpenFaceLift"
    folder, other = repository / "snapshots" / "a", repository / "snapshots" / "b"
    for number, (name, contents) in enumerate(snapshot(checkpoint_folder).items()):
        blob = repository / "blobs" / f"{number:040x}"
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(contents)
        for place in (folder, other) if name == UNET else (folder,):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).symlink_to(blob)
    removal = remove_original(folder, slimmed)
    assert removal.left == (UNET,), "another snapshot needs it"
    assert len(list((repository / "blobs").iterdir())) == 1
    assert (other / UNET).is_file()


def test_slim_form_is_no_original_of_itself(slimmed):
    with pytest.raises(WeightsError):
        remove_original(slimmed, slimmed)
    assert verify(slimmed).problems == ()


def test_engine_refuses_a_damaged_slim_form(slimmed, tmp_path):
    target = Path(shutil.copytree(slimmed, tmp_path / "slim"))
    assert location.checked_checkpoint(str(target), Reporter()) == target
    contents = bytearray((target / UNET).read_bytes())
    contents[-1] ^= 1
    (target / UNET).write_bytes(contents)
    with pytest.raises(EngineUnavailable) as caught:
        location.checked_checkpoint(str(target), Reporter())
    assert caught.value.details["files"] == [UNET]
    assert caught.value.advice


def test_sizes_are_planned_exactly(checkpoint_folder, slimmed):
    planned = {
        output.path: output.size
        for output in outputs(checkpoint_folder, slimming.gslrm_tensors, slimming.prompt_embeddings)
    }
    for path, size in planned.items():
        assert (slimmed / path).stat().st_size == size
