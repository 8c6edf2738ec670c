"""Downloading weights from a hub on the loopback interface, in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.weights.table import FileTable, WeightFile
from tests.helpers.hub import Hub, serve
from tests.helpers.patience import PATIENCE

pytest.importorskip("huggingface_hub")

ROOT = Path(__file__).resolve().parents[2]
LARGE = "gslrm/large.safetensors"
LARGE_SIZE = 25_000_000
"""More than the ten megabytes that the hub's client hands on at once by itself."""
SMALL = "mvdiffusion/pipeckpts/unet/config.json"
"""Seconds after which a process that should have got somewhere counts as stuck."""

PROGRAM = """
import json, sys, threading
from pathlib import Path
from core.errors import FaceLiftError
from core.progress import Reporter
from core.weights.download import download
from core.weights.table import FileTable

options = json.loads(sys.argv[1])
cancel = threading.Event()

def on_progress(progress):
    if progress.stage.startswith("Downloading") and progress.step >= options.get("cancel_at", float("inf")):
        cancel.set()

try:
    fetched = download(
        Path(options["folder"]),
        FileTable.read(Path(options["table"])),
        Reporter(on_progress, cancel=cancel),
        licence_accepted=options.get("accepted", True),
        only=options.get("only"),
    )
    print(json.dumps({"fetched": fetched}))
except FaceLiftError as error:
    print(json.dumps(error.to_dict()))
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub with a licence, a configuration and a large tensor file."""
    folder = tmp_path / "hub"
    header = json.dumps({"x": {"dtype": "U8", "shape": [LARGE_SIZE], "data_offsets": [0, LARGE_SIZE]}}).encode()
    noise = os.urandom(1 << 16)
    contents = len(header).to_bytes(8, "little") + header + (noise * (LARGE_SIZE // len(noise) + 1))[:LARGE_SIZE]
    for name, data in {"LICENSE": b"Be kind.\n", SMALL: b'{"num_views": 6}\n', LARGE: contents}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    with serve(folder, "someone/heads", "a" * 40) as hub:
        yield hub


@pytest.fixture
def table(hub: Hub, tmp_path: Path) -> Path:
    """The hub's table as a file: hashes of the large file only, as in the official table."""
    full = FileTable.of_folder(hub.folder, hub.repository, hub.revision, "Kind License")
    files = tuple(file if file.path == LARGE else WeightFile(file.path) for file in full.files)
    path = tmp_path / "table.json"
    path.write_text(FileTable(full.repository, full.revision, full.licence, files).to_json())
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "weights"


def start(hub: Hub, table: Path, target: Path, **options) -> subprocess.Popen:
    settings = {"folder": str(target), "table": str(table), **options}
    environment = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HUB_DISABLE_TELEMETRY": "1"}
    environment.pop("HF_TOKEN", None)
    command = [sys.executable, "-c", PROGRAM, json.dumps(settings)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def run(hub: Hub, table: Path, target: Path, **options) -> dict:
    output, _ = start(hub, table, target, **options).communicate(timeout=PATIENCE)
    return json.loads(output)


def assert_complete(hub: Hub, target: Path) -> None:
    for name in ("LICENSE", SMALL, LARGE):
        assert (target / name).read_bytes() == (hub.folder / name).read_bytes()
    assert not list(target.rglob("*.part"))


def part_of(target: Path) -> Path:
    (part,) = target.glob("gslrm/.*.part")
    return part


def wait_for_part(process: subprocess.Popen, target: Path, size: int) -> None:
    """Wait until so many bytes of the large file are on the disk; the server holds the rest back."""
    deadline = time.monotonic() + PATIENCE
    while not (parts := list(target.glob("gslrm/.*.part"))) or parts[0].stat().st_size < size:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_everything_arrives_once(hub, table, target):
    assert set(run(hub, table, target)["fetched"]) == {"LICENSE", SMALL, LARGE}
    assert_complete(hub, target)
    assert hub.gets(LARGE) == [None]
    assert run(hub, table, target)["fetched"] == [], "what is there and right is not fetched again"
    assert hub.gets(LARGE) == [None]


def test_cut_connection_goes_on_where_it_stopped(hub, table, target):
    hub.cuts[LARGE] = [15_000_000]
    assert LARGE in run(hub, table, target)["fetched"]
    assert_complete(hub, target)
    first, second = hub.gets(LARGE)
    assert first is None
    assert 14_000_000 < int(second.removeprefix("bytes=").rstrip("-")) <= 15_000_000


def test_connection_cut_at_every_tenth_still_ends_complete(hub, table, target):
    hub.cuts[LARGE] = [LARGE_SIZE // 10] * 9
    assert LARGE in run(hub, table, target)["fetched"]
    assert_complete(hub, target)
    begins = [int(span.removeprefix("bytes=").rstrip("-")) for span in hub.gets(LARGE)[1:]]
    assert len(begins) == 9
    for tenth, begin in enumerate(begins, start=1):
        assert begin > 0.9 * tenth * LARGE_SIZE / 10, "what came before the cut is kept"


def test_slow_connection_shows_progress_and_can_be_cancelled(hub, table, target):
    hub.hold_after[LARGE] = 3_000_000
    assert run(hub, table, target, cancel_at=2_000_000)["code"] == "cancelled"
    assert 2_000_000 <= part_of(target).stat().st_size < 4_000_000


def test_server_that_is_asked_too_often_is_waited_for_then_told(hub, table, target):
    hub.refusals[LARGE] = [429]
    assert LARGE in run(hub, table, target)["fetched"]
    assert_complete(hub, target)
    (target / LARGE).unlink()
    hub.refusals[LARGE] = [429] * 20
    error = run(hub, table, target)
    assert error["code"] == "too-many-requests"
    assert "429" in error["details"]["raw"]


def test_disk_that_fills_up_meanwhile_is_told_and_the_next_run_finishes(hub, table, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can't be mounted here")
    try:
        hub.hold_after[LARGE] = 5_000_000
        process = start(hub, table, disk / "weights")
        wait_for_part(process, disk / "weights", 4_000_000)
        filler = disk / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(disk).free - 2_000_000))
        hub.released.set()
        output, _ = process.communicate(timeout=PATIENCE)
        assert json.loads(output)["code"] == "disk-full"
        assert part_of(disk / "weights").stat().st_size > 4_000_000
        error = run(hub, table, disk / "weights")
        assert error["code"] == "disk-full", "and now before anything is fetched"
        filler.unlink()
        hub.hold_after.clear()
        assert run(hub, table, disk / "weights")["fetched"] == [LARGE]
        assert_complete(hub, disk / "weights")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_killed_process_goes_on_where_it_stopped(hub, table, target):
    hub.hold_after[LARGE] = 22_000_000
    process = start(hub, table, target)
    wait_for_part(process, target, 20_000_000)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    present = part_of(target).stat().st_size
    assert not (target / LARGE).exists(), "an unfinished file never has its final name"
    hub.hold_after.clear()
    assert LARGE in run(hub, table, target)["fetched"]
    assert_complete(hub, target)
    assert hub.gets(LARGE)[-1] == f"bytes={present}-"


def test_cancelled_download_goes_on_where_it_stopped(hub, table, target):
    assert run(hub, table, target, cancel_at=15_000_000)["code"] == "cancelled"
    assert part_of(target).stat().st_size > 0
    assert run(hub, table, target)["fetched"] == [LARGE]
    assert_complete(hub, target)


def test_wrong_bytes_are_refused_and_leave_nothing_behind(hub, table, target):
    contents = bytearray((hub.folder / LARGE).read_bytes())
    contents[-1] ^= 1
    hub.replaced[LARGE] = bytes(contents)
    error = run(hub, table, target)
    assert error["code"] == "bad-weights"
    assert error["details"]["files"] == [LARGE]
    assert error["advice"]
    assert not list(target.glob("gslrm/*"))
    hub.replaced.clear()
    assert run(hub, table, target)["fetched"] == [LARGE]


def test_wrong_bytes_of_a_small_file_are_refused_by_their_git_hash(hub, table, target):
    hub.replaced[SMALL] = b'{"num_views": 7}\n'
    assert run(hub, table, target)["details"]["files"] == [SMALL]
    assert not (target / SMALL).exists()


def test_damaged_part_is_found_and_fetched_anew(hub, table, target):
    assert run(hub, table, target, cancel_at=15_000_000)["code"] == "cancelled"
    part = part_of(target)
    part.write_bytes(b"?" + part.read_bytes()[1:])
    assert run(hub, table, target)["code"] == "bad-weights"
    assert run(hub, table, target)["fetched"] == [LARGE]
    assert_complete(hub, target)


def test_damaged_file_is_replaced(hub, table, target):
    run(hub, table, target)
    (target / LARGE).write_bytes((target / LARGE).read_bytes()[:-100])
    (target / SMALL).write_text("{")
    assert set(run(hub, table, target)["fetched"]) == {LARGE, SMALL}
    assert_complete(hub, target)


def test_missing_file_on_the_server_is_named(hub, table, target):
    (hub.folder / LARGE).unlink()
    error = run(hub, table, target)
    assert LARGE in error["message"]
    assert "someone/heads" in error["message"]
    assert error["advice"]


def test_unreachable_server_says_so(hub, table, target):
    hub.endpoint = "http://127.0.0.1:9"
    error = run(hub, table, target, only=["LICENSE"])
    assert error["code"] == "download-failed"
    assert "LICENSE" in error["message"]
    assert "goes on where it stopped" in error["advice"]


def test_only_the_licence_comes_without_consent(hub, table, target):
    assert run(hub, table, target, accepted=False)["code"] == "licence-not-accepted"
    assert not target.exists()
    assert run(hub, table, target, accepted=False, only=["LICENSE"])["fetched"] == ["LICENSE"]
    assert (target / "LICENSE").read_bytes() == b"Be kind.\n"


def test_second_download_into_the_same_folder_is_refused(hub, table, target):
    hub.hold_after[LARGE] = 0
    first = start(hub, table, target)
    deadline = time.monotonic() + PATIENCE
    while not hub.gets(LARGE):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "Another download" in run(hub, table, target)["message"]
    hub.released.set()
    output, _ = first.communicate(timeout=PATIENCE)
    assert LARGE in json.loads(output)["fetched"]


def test_size_that_differs_from_the_table_is_refused(hub, table, target):
    text = table.read_text().replace('"size": null', '"size": 5')
    table.write_text(text)
    error = run(hub, table, target, only=["LICENSE"])
    assert "not the published file" in error["message"]
    assert not (target / "LICENSE").exists()


def test_command_line_downloads_and_verifies(hub, table, target, tmp_path):
    environment = {**os.environ, "HF_ENDPOINT": hub.endpoint, "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def weights(*arguments: object) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "core", "weights", *map(str, arguments), "--table", str(table)]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE)

    result = weights("download", target, "--accept-licence")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == str(target)
    assert_complete(hub, target)
    assert "3 files, 0.03 GB, all right" in weights("verify", target).stderr
    (target / SMALL).unlink()
    result = weights("verify", target)
    assert result.returncode == 1
    assert SMALL in result.stdout
