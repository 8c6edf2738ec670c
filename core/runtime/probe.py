"""What this computer has that matters to an engine on PyTorch: graphics card, system, disk."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import cuda_driver
from .cuda_driver import CudaDevice, CudaDriver

SYSTEMS = {"linux": "linux", "win32": "windows", "darwin": "macos"}
MACHINES = {"x86_64": "x64", "amd64": "x64", "arm64": "arm64", "aarch64": "arm64"}

WINDOWS_MAX_PATH = 260
LONGEST_ENTRY = 126
"""Characters of the longest path inside torch's wheel."""
LONGEST_FOLDER = len(r"\cache\archive-v0\0123456789abcdefghijk") + 1
"""What the installer puts between its folder and a wheel's entries, at most."""


@dataclass(frozen=True)
class Hardware:
    """The facts on which the choice of a backend rests.

    Attributes:
        platform: Blender's name of the platform, such as "linux-x64", "windows-x64", "macos-arm64".
        system_version: The system's version, such as "14.5" on macOS.
        cuda: What NVIDIA's driver tells.
    """

    platform: str
    system_version: str
    cuda: CudaDriver

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Hardware:
        """Return the value of :meth:`to_dict`'s form.

        Raises:
            KeyError, TypeError: something is missing or of the wrong kind.
        """
        cuda = dict(data["cuda"])
        version = cuda.pop("cuda_version")
        devices = tuple(
            CudaDevice(device["name"], (*device["compute_capability"],), device["memory"])
            for device in cuda.pop("devices")
        )
        driver = CudaDriver(**cuda, devices=devices, cuda_version=tuple(version) if version else None)
        return cls(data["platform"], data["system_version"], driver)


def probe() -> Hardware:
    """Look at this computer. Never raises, but NVIDIA's driver may take seconds to wake."""
    system_version = platform.mac_ver()[0] if sys.platform == "darwin" else platform.release()
    return Hardware(platform_name(), system_version, cuda_driver.read())


def platform_name() -> str:
    """Return Blender's name of this platform."""
    machine = platform.machine().lower()
    return f"{SYSTEMS.get(sys.platform, sys.platform)}-{MACHINES.get(machine, machine)}"


def free_bytes(folder: Path) -> int:
    """Return the free space of the disk on which a folder is, or will be.

    Raises:
        OSError: the disk can't be asked.
    """
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    return shutil.disk_usage(existing).free


def excess_path_length(folder: Path, windows: bool = os.name == "nt") -> int:
    """Return by how many characters the runtime's files would pass Windows' limit in a folder; 0 where they fit."""
    if not windows:
        return 0
    # One character of the limit is the closing NUL.
    return max(0, len(str(folder)) + LONGEST_FOLDER + LONGEST_ENTRY - (WINDOWS_MAX_PATH - 1))
