"""Which build of PyTorch suits a computer, and why.

PyTorch 2.13 is built for CUDA 12.6 (compute capability 5.0 to 9.0), 13.0 and 13.2 (from 7.5 on;
12.8 ended with 2.12), for Apple silicon (from macOS 14) and for processors:
https://github.com/pytorch/pytorch/blob/main/RELEASE.md. CUDA 13.0 needs a driver of the 580
series, CUDA 12.6 runs on every driver for CUDA 12:
https://docs.nvidia.com/deploy/cuda-compatibility/.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .cuda_driver import CudaDevice
from .probe import Hardware

GIB = 1 << 30


class Backend(StrEnum):
    """A build of PyTorch; the value names the lock file and, for most, PyTorch's index."""

    CU130 = "cu130"
    CU126 = "cu126"
    MPS = "mps"
    CPU = "cpu"

    @property
    def device(self) -> str:
        """Name in torch of the device that the models run on."""
        return "cuda" if self in CUDA else str(self)

    @property
    def label(self) -> str:
        """How a person reads it."""
        return LABELS[self]


CUDA = (Backend.CU130, Backend.CU126)
LABELS = {
    Backend.CU130: "NVIDIA, CUDA 13.0",
    Backend.CU126: "NVIDIA, CUDA 12.6",
    Backend.MPS: "Apple silicon (Metal)",
    Backend.CPU: "processor only",
}

PLATFORM_BACKENDS = {
    "linux-x64": (Backend.CU130, Backend.CU126, Backend.CPU),
    "windows-x64": (Backend.CU130, Backend.CU126, Backend.CPU),
    "macos-arm64": (Backend.MPS,),
}

CAPABILITIES = {Backend.CU130: ((7, 5), None), Backend.CU126: ((5, 0), (9, 0))}
"""Lowest and highest compute capability whose kernels a build has."""
CUDA_NEEDED = {Backend.CU130: (13, 0), Backend.CU126: (12, 0)}
"""CUDA version that the driver must support; within one major version, drivers run newer builds."""
DRIVER_SERIES = {Backend.CU130: "580", Backend.CU126: "525"}

MACOS_NEEDED = (14, 0)

QUALITIES = (
    (9 * GIB, "full quality with all models kept loaded"),
    (5 * GIB, "full quality in low-memory mode, which loads one model at a time"),
    (0, "little memory: low-memory mode may fail; then use the CPU or another engine"),
)
"""Memory of the device -> what fits beside Blender and a desktop. Cards report a little less than their nominal size.

Measured in float16 on an H200: 5.5 GB at the peak with all models loaded, 2.8 GB in low-memory mode; a context of
CUDA takes about half a gigabyte more.
"""
LOW_MEMORY_BELOW = QUALITIES[0][0]

CPU_NOTE = "The engine will run on the processor: a head takes many minutes to hours instead of seconds to minutes."


@dataclass(frozen=True)
class Choice:
    """A verdict.

    Attributes:
        backend: The build to install, or None: the engine can't run here.
        reasons: Sentences: why this one, or why none.
        advice: What would make it better; may be empty.
        device_name: The card, or what else computes.
        memory: Bytes of the device's memory, or None where it shares the computer's.
        quality: Which quality fits; empty where nothing is known.
        low_memory: Whether to keep only the model at work on the device.
        alternatives: Other builds that a person may choose here.
    """

    backend: Backend | None
    reasons: tuple[str, ...]
    advice: str = ""
    device_name: str = ""
    memory: int | None = None
    quality: str = ""
    low_memory: bool = False
    alternatives: tuple[Backend, ...] = ()


def choose(hardware: Hardware) -> Choice:
    """Return the build for a computer."""
    offered = PLATFORM_BACKENDS.get(hardware.platform)
    if offered is None:
        return Choice(
            None,
            (f"PyTorch has no build for {hardware.platform}.",),
            "Use an engine that needs no setup, or another computer (Command, under Background Process).",
        )
    if Backend.MPS in offered:
        return _choose_apple(hardware)
    return _choose_cuda(hardware)


def _choose_apple(hardware: Hardware) -> Choice:
    version = tuple(int(part) for part in hardware.system_version.split(".")[:2] if part.isdigit())
    if version < MACOS_NEEDED:
        return Choice(
            None,
            (f"PyTorch needs macOS {MACOS_NEEDED[0]}; this is macOS {hardware.system_version}.",),
            "Update macOS, or use an engine that needs no setup.",
        )
    return Choice(
        Backend.MPS,
        ("This Mac's GPU runs PyTorch through Metal.",),
        device_name="Apple silicon",
        quality="shares the computer's memory; 16 GB or more are recommended",
        low_memory=True,
    )


def _choose_cuda(hardware: Hardware) -> Choice:
    driver = hardware.cuda
    if not driver.present:
        reason = "No NVIDIA driver was found."
        return _cpu(reason, "If this computer has an NVIDIA card, install its driver and check again.")
    if not driver.devices:
        return _cpu(driver.problem, driver.advice)
    # torch computes on the first card, and the driver lists the fastest first.
    device = driver.devices[0]
    supported = driver.cuda_version or (0, 0)
    fitting = [backend for backend in CUDA if _has_kernels(backend, device)]
    if not fitting:
        reason = f"{device.name} (compute capability {_dotted(device.compute_capability)}) is too old for PyTorch."
        return _cpu(
            reason,
            "A card from 2014 or later is needed; another computer may have one (Command, under Background Process).",
        )
    for backend in fitting:
        if _runs(backend, device, supported):
            return _cuda(backend, device, supported)
    reason = f"{device.name} is supported, but its driver knows CUDA {_dotted(supported)} only."
    return _cpu(reason, f"Update the NVIDIA driver to the {DRIVER_SERIES[fitting[0]]} series or newer and check again.")


def _has_kernels(backend: Backend, device: CudaDevice) -> bool:
    lowest, highest = CAPABILITIES[backend]
    return device.compute_capability >= lowest and (highest is None or device.compute_capability <= highest)


def _cuda(backend: Backend, device: CudaDevice, supported: tuple[int, int]) -> Choice:
    capability = _dotted(device.compute_capability)
    reasons = [f"{device.name}: compute capability {capability}, driver for CUDA {_dotted(supported)}."]
    advice = ""
    if backend is Backend.CU126:
        if device.compute_capability < CAPABILITIES[Backend.CU130][0]:
            reasons.append("CUDA 13 no longer supports this card: the build for CUDA 12.6 does.")
        else:
            reasons.append("The driver is older than CUDA 13: the build for CUDA 12.6 works with it.")
            advice = "A newer driver (580 series) allows the build for CUDA 13.0."
    quality = next(text for memory, text in QUALITIES if device.memory >= memory)
    others = (other for other in CUDA if other is not backend and _runs(other, device, supported))
    return Choice(
        backend,
        tuple(reasons),
        advice,
        device.name,
        device.memory,
        quality,
        device.memory < LOW_MEMORY_BELOW,
        (*others, Backend.CPU),
    )


def _runs(backend: Backend, device: CudaDevice, supported: tuple[int, int]) -> bool:
    return _has_kernels(backend, device) and supported >= CUDA_NEEDED[backend]


def _cpu(reason: str, advice: str) -> Choice:
    return Choice(Backend.CPU, (reason, CPU_NOTE), advice, "Processor")


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
