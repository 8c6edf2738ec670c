"""The worker's log stays small and never costs a job."""

from __future__ import annotations

from core.processes.log import TAIL_LINES, RotatingLog


def test_lines_are_appended_across_openings(tmp_path):
    path = tmp_path / "new" / "worker.log"
    for line in (b"one\n", b"two"):
        log = RotatingLog(path)
        log.append(line)
        log.close()
    assert path.read_bytes() == b"one\ntwo\n"


def test_large_logs_are_moved_aside_and_the_oldest_dropped(tmp_path):
    log = RotatingLog(tmp_path / "worker.log", max_bytes=100, kept=2)
    for number in range(1000):
        log.append(b"line %d\n" % number)
    log.close()
    files = sorted(tmp_path.iterdir())
    assert {path.name for path in files} <= {"worker.log", "worker.log.1", "worker.log.2"}
    assert all(path.stat().st_size < 120 for path in files)
    lines = b"".join(path.read_bytes() for path in reversed(files)).split(b"\n")[:-1]
    last = [b"line %d" % number for number in range(1000 - len(lines), 1000)]
    assert lines == last and len(lines) > 20


def test_the_tail_is_kept_and_can_be_cleared(tmp_path):
    log = RotatingLog(None)
    for number in range(TAIL_LINES + 5):
        log.append(b"line %d \xff\r\n" % number)
    assert len(log.tail()) == TAIL_LINES
    assert log.tail()[-1] == f"line {TAIL_LINES + 4} \N{REPLACEMENT CHARACTER}"
    log.clear_tail()
    assert log.tail() == []


def test_a_log_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    log = RotatingLog(tmp_path / "file" / "worker.log")
    log.append(b"kept in memory\n")
    assert log.tail() == ["kept in memory"]
