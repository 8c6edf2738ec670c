"""The table of weights, verification, and finding a checkpoint."""

from __future__ import annotations

import itertools
import os
import shutil
import tarfile
import threading
from pathlib import Path

import pytest

from core.errors import Cancelled
from core.progress import Reporter
from core.weights.errors import WeightsError
from core.weights.record import HashRecord
from core.weights.resolve import DOWNLOADED_NAME, resolve
from core.weights.table import OFFICIAL, FileTable, WeightFile
from core.weights.verify import verify

GSLRM = "gslrm/ckpt_0000000000021125.pt"
UNET = "mvdiffusion/pipeckpts/unet/diffusion_pytorch_model.safetensors"
CONFIG = "mvdiffusion/pipeckpts/unet/config.json"
SUBSET = Path(__file__).parents[1] / "data" / "facelift-parity" / "subset.tar.xz"


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    """The tiny checkpoint in the official layout. Read only."""
    folder = tmp_path_factory.mktemp("record")
    with tarfile.open(SUBSET) as archive:
        archive.extractall(folder, filter="data")
    return folder / "openfacelift-tiny"


@pytest.fixture(scope="module")
def table(original: Path) -> FileTable:
    return FileTable.of_folder(original, OFFICIAL.repository, OFFICIAL.revision, "CC0")


@pytest.fixture
def checkpoint(original: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(original, tmp_path / "checkpoint"))


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's folders out of the tests."""
    for name in ("FACELIFT_CHECKPOINT", "HF_HUB_CACHE", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("FACELIFT_WEIGHTS", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


def test_official_table_has_the_files_of_the_checkpoint(original):
    present = {path.relative_to(original).as_posix() for path in original.rglob("*") if path.is_file()}
    assert {file.path for file in OFFICIAL.files} == present
    assert len(OFFICIAL.files) == 20
    hashed = [file for file in OFFICIAL.files if file.sha256]
    assert len(hashed) == 6
    assert all(len(file.sha256) == 64 for file in hashed)


@pytest.mark.parametrize("path", ["../evil", "/etc/passwd", "a/../../b", "C:/x", "a\\b"])
def test_table_refuses_paths_out_of_the_folder(path):
    with pytest.raises(ValueError, match="inside a checkpoint"):
        WeightFile(path)


def test_table_survives_its_file(table, tmp_path):
    path = tmp_path / "table.json"
    path.write_text(table.to_json())
    assert FileTable.read(path) == table


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": [{"path": "../x"}]}', '{"files": 3}'])
def test_damaged_table_is_an_error_with_advice(text, tmp_path):
    (tmp_path / "table.json").write_text(text)
    with pytest.raises(WeightsError) as caught:
        FileTable.read(tmp_path / "table.json")
    assert caught.value.code == "bad-table"
    assert caught.value.advice


def test_whole_checkpoint_passes(original, table):
    report = verify(original, table)
    assert report.problems == ()
    assert report.files == 20
    assert report.size == sum(file.size for file in table.files)
    report.require()


def flip_a_bit(path: Path) -> None:
    contents = bytearray(path.read_bytes())
    contents[-1] ^= 1
    path.write_bytes(contents)


DAMAGES = {
    "missing": (Path.unlink, {"missing"}),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-10]), {"truncated"}),
    "empty": (lambda path: path.write_bytes(b""), {"truncated"}),
    "longer": (lambda path: path.write_bytes(path.read_bytes() + b"\0"), {"damaged"}),
    "flipped": (flip_a_bit, {"wrong-hash", "damaged"}),
}


@pytest.mark.parametrize("name", [GSLRM, UNET, CONFIG, "LICENSE"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_named_with_a_remedy(checkpoint, table, name, damage):
    change, kinds = DAMAGES[damage]
    change(checkpoint / name)
    (problem,) = verify(checkpoint, table).problems
    assert problem.path == name
    assert problem.kind in kinds
    assert name in problem.message
    assert "ownload" in problem.remedy


@pytest.mark.parametrize(
    ("name", "damage"),
    # A text that is a little shorter can't be told without its hash.
    [*itertools.product([GSLRM, UNET, CONFIG], ["missing", "truncated", "empty"]), ("LICENSE", "missing")],
)
def test_damage_shows_without_sizes_and_hashes(checkpoint, table, name, damage):
    DAMAGES[damage][0](checkpoint / name)
    nameless = FileTable("", "", "", tuple(WeightFile(file.path) for file in table.files))
    (problem,) = verify(checkpoint, nameless, deep=False).problems
    assert problem.path == name


def test_report_names_all_files(checkpoint, table):
    (checkpoint / UNET).unlink()
    flip_a_bit(checkpoint / GSLRM)
    with pytest.raises(WeightsError) as caught:
        verify(checkpoint, table).require()
    assert caught.value.details["files"] == [GSLRM, UNET]
    assert "1 more file is not right" in caught.value.message


def test_unreadable_file_is_named(checkpoint, table):
    (checkpoint / CONFIG).unlink()
    (checkpoint / CONFIG).mkdir()
    (problem,) = verify(checkpoint, table).problems
    assert problem.path == CONFIG


def test_verification_reports_every_byte_and_can_be_cancelled(original, table):
    seen = []
    verify(original, table, Reporter(seen.append))
    assert seen[-1].step == seen[-1].steps == sum(file.size for file in table.files)
    cancel = threading.Event()
    with pytest.raises(Cancelled):
        verify(original, table, Reporter(lambda progress: cancel.set() if progress.step else None, cancel=cancel))


def test_unchanged_files_are_not_hashed_twice(checkpoint, table, tmp_path):
    """A change that leaves size and time alone shows what was read; any other change is seen."""
    record = HashRecord(tmp_path / "record.json")
    assert verify(checkpoint, table, record=record).problems == ()
    path = checkpoint / GSLRM
    state = path.stat()
    flip_a_bit(path)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert verify(checkpoint, table, record=HashRecord(tmp_path / "record.json")).problems == ()
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 2_000_000_000))
    assert [problem.path for problem in verify(checkpoint, table, record=record).problems] == [GSLRM]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": 3}'])
def test_damaged_record_is_no_obstacle(checkpoint, table, tmp_path, text):
    (tmp_path / "record.json").write_text(text)
    assert verify(checkpoint, table, record=HashRecord(tmp_path / "record.json")).problems == ()


def test_missing_folder_is_an_error(tmp_path):
    with pytest.raises(WeightsError) as caught:
        verify(tmp_path / "nowhere")
    assert "nowhere" in caught.value.message


def test_nothing_anywhere_says_what_to_do():
    with pytest.raises(WeightsError) as caught:
        resolve()
    assert caught.value.code == "no-checkpoint"
    assert "Download" in caught.value.advice


def test_chosen_folder_comes_before_the_environment(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("FACELIFT_CHECKPOINT", str(checkpoint))
    assert resolve().folder == checkpoint
    assert resolve().source == "environment"
    other = tmp_path / "other"
    other.mkdir()
    assert resolve(other).folder == other
    with pytest.raises(WeightsError):
        resolve(tmp_path / "nowhere")


def test_downloaded_checkpoint_is_found_once_complete(original, tmp_path):
    home = tmp_path / "home" / DOWNLOADED_NAME
    shutil.copytree(original, home)
    assert resolve().folder == home
    (home / UNET).unlink()
    with pytest.raises(WeightsError):
        resolve()


def test_hub_cache_is_found_by_revision_and_by_reference(original, tmp_path):
    repository = tmp_path / "hub" / ("models--" + OFFICIAL.repository.replace("/", "--"))
    other = "b" * 40
    shutil.copytree(original, repository / "snapshots" / other)
    with pytest.raises(WeightsError):
        resolve()
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(other)
    assert resolve().folder == repository / "snapshots" / other
    assert resolve().source == "hub-cache"
    (repository / "snapshots" / OFFICIAL.revision).symlink_to(other)
    assert resolve().folder == repository / "snapshots" / OFFICIAL.revision
    (repository / "refs" / "main").write_text("../../../../checkpoint")
    assert resolve().folder == repository / "snapshots" / OFFICIAL.revision
