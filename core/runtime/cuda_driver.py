"""NVIDIA's cards as the driver itself tells them, through ctypes: no toolkit, no torch, no nvidia-smi.

CUDA Driver API: https://docs.nvidia.com/cuda/cuda-driver-api/. Names and signatures are those of
``cuda.h``; functions with a ``_v2`` are the ones that current headers use.
"""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass

LIBRARIES = ("nvcuda.dll",) if sys.platform == "win32" else ("libcuda.so.1", "libcuda.so")
MANAGEMENT_LIBRARIES = ("nvml.dll",) if sys.platform == "win32" else ("libnvidia-ml.so.1",)
LIBRARY_VARIABLE = "FACELIFT_CUDA_DRIVER"
"""Environment variable with another driver library: for containers that keep it elsewhere."""

COMPUTE_CAPABILITY_MAJOR = 75
COMPUTE_CAPABILITY_MINOR = 76
"""Values of CUdevice_attribute."""
NAME_BYTES = 256

RESULTS = {
    3: ("The driver is shutting down.", "Restart the computer."),
    34: ("The driver is a stub without hardware behind it.", "Start the container with access to the graphics card."),
    100: ("The driver finds no card that can compute.", "Check that the card is enabled."),
    803: ("The driver and its library do not fit together.", "Restart the computer: the driver was updated."),
    804: ("The card does not support this version of the driver.", "Install the driver that fits the card."),
    999: ("The driver failed without saying why.", "Restart the computer."),
}
"""CUresult of cuInit -> (what it means, what to do)."""


@dataclass(frozen=True)
class CudaDevice:
    """A card.

    Attributes:
        name: As the driver calls it.
        compute_capability: (major, minor).
        memory: Bytes of its memory.
    """

    name: str
    compute_capability: tuple[int, int]
    memory: int


@dataclass(frozen=True)
class CudaDriver:
    """What the driver tells.

    Attributes:
        present: Whether its library is installed.
        devices: The cards, in the driver's order, which is torch's too.
        cuda_version: (major, minor) of the newest CUDA that it supports, or None.
        driver_version: Its own version, such as "580.95.05"; empty where unknown.
        problem, advice: Why there are no devices although the library is there; else empty.
    """

    present: bool
    devices: tuple[CudaDevice, ...] = ()
    cuda_version: tuple[int, int] | None = None
    driver_version: str = ""
    problem: str = ""
    advice: str = ""


class _CallFailed(Exception):
    """A function of the driver returned an error code."""

    def __init__(self, function: str, code: int) -> None:
        super().__init__(f"{function} returned {code}")
        self.function, self.code = function, code


def read() -> CudaDriver:
    """Ask the driver. Never raises: whatever fails becomes :attr:`CudaDriver.problem`.

    A driver can hang or crash, so ask from a process that may (:mod:`.tasks`).
    """
    named = os.environ.get(LIBRARY_VARIABLE)
    library = _load((named,) if named else LIBRARIES)
    if library is None:
        return CudaDriver(present=False)
    version = None
    try:
        version = _cuda_version(library)
        _call(library, "cuInit", 0)
        devices = _devices(library)
    except AttributeError as error:
        return CudaDriver(
            True, cuda_version=version, problem=f"The driver is too old: {error}.", advice="Update the driver."
        )
    except _CallFailed as error:
        problem, advice = RESULTS.get(error.code, (f"The driver fails: {error}.", "Update the driver and restart."))
        return CudaDriver(True, cuda_version=version, problem=problem, advice=advice)
    if not devices:
        return CudaDriver(True, cuda_version=version, problem=RESULTS[100][0], advice=RESULTS[100][1])
    return CudaDriver(True, devices, version, _driver_version())


def _load(names: tuple[str, ...]) -> ctypes.CDLL | None:
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def _call(library: ctypes.CDLL, name: str, *arguments: object) -> None:
    code = getattr(library, name)(*arguments)
    if code:
        raise _CallFailed(name, code)


def _cuda_version(library: ctypes.CDLL) -> tuple[int, int]:
    number = ctypes.c_int()
    _call(library, "cuDriverGetVersion", ctypes.byref(number))
    return number.value // 1000, number.value % 1000 // 10


def _devices(library: ctypes.CDLL) -> tuple[CudaDevice, ...]:
    count = ctypes.c_int()
    _call(library, "cuDeviceGetCount", ctypes.byref(count))
    return tuple(_device(library, ordinal) for ordinal in range(count.value))


def _device(library: ctypes.CDLL, ordinal: int) -> CudaDevice:
    device, memory = ctypes.c_int(), ctypes.c_size_t()
    name = ctypes.create_string_buffer(NAME_BYTES)
    _call(library, "cuDeviceGet", ctypes.byref(device), ordinal)
    _call(library, "cuDeviceGetName", name, NAME_BYTES, device)
    _call(library, "cuDeviceTotalMem_v2", ctypes.byref(memory), device)
    capability = []
    for attribute in (COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR):
        value = ctypes.c_int()
        _call(library, "cuDeviceGetAttribute", ctypes.byref(value), attribute, device)
        capability.append(value.value)
    return CudaDevice(name.value.decode("utf-8", "replace"), (capability[0], capability[1]), memory.value)


def _driver_version() -> str:
    """Return the driver's own version from its management library (NVML), or nothing."""
    library = _load(MANAGEMENT_LIBRARIES)
    if library is None:
        return ""
    text = ctypes.create_string_buffer(NAME_BYTES)
    try:
        _call(library, "nvmlInit_v2")
        _call(library, "nvmlSystemGetDriverVersion", text, NAME_BYTES)
        _call(library, "nvmlShutdown")
    except (AttributeError, _CallFailed):
        return ""
    return text.value.decode("ascii", "replace")
