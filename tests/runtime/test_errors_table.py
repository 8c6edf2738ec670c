"""The table from raw failures to advice, and the report that may be published."""

from __future__ import annotations

import errno
import getpass
import os
from pathlib import Path

import pytest

from core.errors import FaceLiftError
from core.runtime import advice
from core.runtime.report import redact, report
from core.system.failures import FAILURES, find

MANUAL = Path(__file__).resolve().parents[2] / "facelift_addon" / "setup" / "README.md"


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.code)
def test_every_row_knows_its_own_example(failure):
    assert find(failure.example) is failure


def test_rows_are_sentences_with_unique_codes():
    assert len({failure.code for failure in FAILURES}) == len(FAILURES)
    for failure in FAILURES:
        assert failure.message.endswith(".")
        assert failure.advice.endswith(".")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk-full"),
        (errno.EACCES, "no-permission"),
        (errno.EROFS, "read-only"),
        (errno.ENAMETOOLONG, "path-too-long"),
        (errno.ENOMEM, "memory"),
        (errno.ECONNREFUSED, "connection"),
        (errno.ENOEXEC, "wrong-program"),
        (errno.ETXTBSY, "file-in-use"),
    ],
)
def test_errors_of_the_system_are_known(number, code):
    assert advice.explain(str(OSError(number, os.strerror(number)))).code == code


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("RuntimeError: CUDA error: no kernel image is available for execution on the device", "no-kernel"),
        ("ImportError: libcublas.so.12: cannot open shared object file: No such file or directory", "library-missing"),
        ("OSError: [WinError 127] Error loading shm.dll or one of its dependencies.", "visual-c"),
        ("requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: https://x", "not-allowed"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "wrong-hash"),
        ("ERROR: Could not find a version that satisfies the requirement torch==2.13.0+cu126", "not-found"),
        ("ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] unable to get issuer", "certificate"),
        ("error: client error (Connect)\n dns error\n failed to lookup address information", "no-name"),
        ("cudaErrorUnknown: CUDA error: unknown error", "card-lost"),
    ],
)
def test_the_particular_wins_over_the_general(raw, code):
    assert advice.explain(raw).code == code


def test_unknown_failures_keep_the_last_line_and_the_raw_text():
    error = advice.explain("warning: something\nerror: the moon is in the wrong house\n\n")
    assert "the moon is in the wrong house" in error.message
    assert error.advice
    assert "warning: something" in error.details["raw"]


def test_table_as_markdown_has_a_row_for_each_failure():
    table = advice.troubleshooting_table()
    assert len(table.strip().splitlines()) == len(FAILURES) + 2
    assert all(line.count(" | ") == 2 for line in table.strip().splitlines()[2:])


def test_the_setup_manual_has_this_table():
    assert advice.troubleshooting_table() in MANUAL.read_text(encoding="utf-8"), (
        "replace the setup manual's table by core.runtime.advice.troubleshooting_table()"
    )


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("opening C:\\Users\\Jane Doe\\Pictures\\me at home.jpg failed", "Jane"),
        ("opening C:\\Users\\Jane Doe\\Pictures\\me at home.jpg failed", "me at home"),
        ("FileNotFoundError: '/home/jane/photos/grand mother.PNG'", "mother"),
        ("FileNotFoundError: '/home/jane/photos/grand mother.PNG'", "jane"),
        ("cannot read /Users/jane/x/y.heic: damaged", "jane"),
        ("photo mother.jpeg has no face", "mother"),
        ('  File "C:\\\\Users\\\\jane\\\\rt\\\\e1\\\\x.py"', "jane"),
        ("GET https://jane:topsecret@proxy.example:8080/simple", "topsecret"),
        ("Authorization: Bearer hf_abcdefghijklmnop", "hf_abc"),
        ("token=abcdef123456", "abcdef123456"),
        ("using hf_abcdefghijklmnopqrst for download", "hf_abc"),
    ],
)
def test_reports_hide_people_photos_and_secrets(text, secret):
    assert secret in text
    assert secret not in redact(text)


def test_reports_hide_this_users_home_and_given_names(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "margarethe"))
    monkeypatch.setattr(getpass, "getuser", lambda: "margarethe")
    text = redact(f"{Path.home()}/x and margarethe and portrait-of-anna", ["portrait-of-anna"])
    assert "margarethe" not in text
    assert "anna" not in text


def test_report_keeps_what_helps():
    error = FaceLiftError("It broke.", "Mend it.", code="broken", raw="error: No space left on device (os error 28)")
    text = report(error, {"GPU": "NVIDIA RTX 4090", "torch": "2.13.0+cu130"}, "line of a log")
    for part in ("[broken] It broke.", "Mend it.", "os error 28", "RTX 4090", "2.13.0+cu130", "line of a log"):
        assert part in text
