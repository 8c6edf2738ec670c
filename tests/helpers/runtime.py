"""Fixtures of the runtime's tests: a C compiler's fake driver, PyTorch's wheel, flows that are driven."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.runtime import lockfile
from core.runtime.background import BackgroundTask
from core.runtime.probe import platform_name
from core.runtime.setup_flow import SetupFlow
from tests.helpers.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
ROOM = 6 << 30
"""Free bytes of memory's file system from which on installations go there: disks delete slowly."""

DRIVER_SOURCE = r"""
#include <stdlib.h>
#include <string.h>
static int number(const char *name, int otherwise) {
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
}
int cuDriverGetVersion(int *version) { *version = number("FAKE_CUDA", 13000); return 0; }
int cuInit(unsigned flags) {
    if (number("FAKE_CRASH", 0)) abort();
    return number("FAKE_INIT", 0);
}
int cuDeviceGetCount(int *count) { *count = number("FAKE_COUNT", 1); return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return number("FAKE_GET", 0); }
int cuDeviceGetName(char *name, int size, int device) {
    const char *text = getenv("FAKE_NAME");
    strncpy(name, text ? text : "NVIDIA Test Card", size - 1);
    name[size - 1] = 0;
    return 0;
}
#ifndef OLD_DRIVER
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = (size_t)number("FAKE_GIB", 24) << 30; return 0; }
#endif
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    int capability = number("FAKE_CAPABILITY", 89);
    *value = attribute == 75 ? capability / 10 : attribute == 76 ? capability % 10 : -1;
    return 0;
}
"""


def build_driver(folder: Path, *defines: str) -> Path:
    """Compile a library that answers as NVIDIA's driver does, steered by FAKE_... variables; else skip."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or os.name != "posix":
        pytest.skip("no C compiler here to build a stand-in for the CUDA driver")
    source, library = folder / "driver.c", folder / f"libcuda{len(defines)}.so.1"
    source.write_text(DRIVER_SOURCE)
    command = [compiler, "-shared", "-fPIC", *(f"-D{name}" for name in defines), "-o", str(library), str(source)]
    subprocess.run(command, check=True)
    return library


@functools.cache
def wheel_folder() -> Path:
    """Return a folder with the wheel of PyTorch's CPU build for Python 3.11; skip where it can't be had."""
    if platform_name() != "linux-x64":
        pytest.skip("the wheel of PyTorch's CPU build is looked for on linux-x64 only")
    lock = lockfile.read("linux-x64", "cpu")
    folder = Path(tempfile.mkdtemp(prefix="facelift-wheels-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", str(folder)]
    command += ["--python-version", "3.11", "--platform", "manylinux_2_28_x86_64", lock.torch]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    if not list(folder.glob("torch-*.whl")):
        pytest.skip(f"no index here serves {lock.torch}: {outcome.stderr.strip().splitlines()[-1:]}")
    return folder


@contextmanager
def roomy_folder() -> Iterator[Path]:
    """Make a folder for an installation, in memory where there is room, and delete it afterwards."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    folder = Path(tempfile.mkdtemp(prefix="facelift-", dir=memory if roomy else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait(task: BackgroundTask, until=lambda task: False) -> BackgroundTask:
    """Poll a task until it ended or a condition holds."""
    limit = time.monotonic() + PATIENCE
    while task.running and not until(task):
        assert time.monotonic() < limit, f"{task.name} hangs: {task.status}"
        task.poll()
        time.sleep(0.02)
    return task


def drive(flow: SetupFlow) -> None:
    """Poll a flow until nothing runs."""
    limit = time.monotonic() + PATIENCE
    while flow.busy:
        assert time.monotonic() < limit, f"{flow.task.name} hangs: {flow.task.status}"
        flow.poll()
        time.sleep(0.02)
