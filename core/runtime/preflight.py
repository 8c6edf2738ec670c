"""What is checked before anything is installed: path, disk, wheels, the Python at hand."""

from __future__ import annotations

import re
from pathlib import Path

from ..progress import Reporter
from ..system.files import explain_disk_full
from . import command
from .errors import RuntimeProblem
from .indexes import normal_name
from .lockfile import Lock
from .probe import excess_path_length, free_bytes

SPARE_BYTES = 256 << 20
"""Kept free beyond what the runtime takes."""
SUPPORTED = ("3.11", "3.12", "3.13")
"""Python versions that the lock files serve."""
PRINT_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def check_path(home: Path) -> None:
    """Check that the runtime's files fit into the folder's paths.

    Raises:
        RuntimeProblem: the folder's path is too long for Windows, or not absolute.
    """
    if not home.is_absolute():
        raise RuntimeProblem(f"{home} is no full path.", "Choose a folder.", code="bad-folder")
    excess = excess_path_length(home)
    if excess:
        raise RuntimeProblem(
            f"The path of the runtime's folder is {excess} characters too long for Windows: {home}.",
            "Choose a shorter folder, such as C:\\facelift.",
            code="path-too-long",
            excess=excess,
        )


def check_disk(home: Path, lock: Lock, present: int) -> None:
    """Check that the disk has room for what is still to come.

    Args:
        home: The runtime's folder.
        lock: What will be installed.
        present: Bytes of it that an earlier try left in the cache.

    Raises:
        FaceLiftError: it has not (code "disk-full").
    """
    needed = max(0, lock.installed_bytes - present) + SPARE_BYTES
    free = free_bytes(home)
    if needed > free:
        raise explain_disk_full(needed, free, home)


def check_wheels(wheels: Path | None, lock: Lock, online: bool) -> None:
    """Check a folder of wheels, which must have everything when package indexes may not be asked.

    Raises:
        RuntimeProblem: it does not exist, or lacks packages; ``details["missing"]`` names them.
    """
    if wheels is None:
        if not online:
            raise RuntimeProblem(
                "Blender's online access is off, so nothing can be downloaded.",
                "Switch it on in Preferences > System > Network, or install from a folder of wheels.",
                code="offline",
            )
        return
    if not wheels.is_dir():
        raise RuntimeProblem(f"The folder {wheels} does not exist.", "Choose the folder of wheels.", code="no-wheels")
    if online:
        return
    present = {_wheel_key(path.name) for path in wheels.glob("*.whl")}
    wanted = [*lock.packages.items(), *([tuple(lock.torch.split("=="))] if lock.torch_index else [])]
    missing = [f"{name}=={version}" for name, version in wanted if (normal_name(name), version) not in present]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise RuntimeProblem(
            f"The folder of wheels lacks {', '.join(missing[:3])}{more}.",
            "Fill it on a computer with internet: "
            f"pip download --no-deps -r {lock.path.name} -d FOLDER, and PyTorch's wheel.",
            code="missing-wheels",
            missing=missing,
        )


def torch_wheels(wheels: Path | None, lock: Lock) -> set[str]:
    """Return the Python versions ("3.11") for which a folder has the lock's PyTorch."""
    if wheels is None:
        return set()
    version = re.escape(lock.torch.partition("==")[2])
    found = (re.match(rf"torch-{version}-cp3(\d+)-", path.name) for path in wheels.glob("torch-*.whl"))
    return {f"3.{match[1]}" for match in found if match}


def python_version(python: Path, reporter: Reporter) -> str:
    """Return an interpreter's version, "3.11".

    Raises:
        RuntimeProblem: it does not run, or is not one that the lock files serve.
    """
    try:
        outcome = command.run([python, "-I", "-c", PRINT_VERSION], reporter)
        version = outcome.output.strip()
    except OSError as error:
        version = str(error)
    if version not in SUPPORTED:
        raise RuntimeProblem(
            f"The Python {python} can't be used: it says {version[:100]!r}.",
            f"Python {', '.join(SUPPORTED[:-1])} or {SUPPORTED[-1]} is needed.",
            code="bad-python",
        )
    return version


def _wheel_key(name: str) -> tuple[str, str]:
    """Return (normalised name, version) of a wheel's file name."""
    parts = name.split("-")
    return normal_name(parts[0]), parts[1] if len(parts) > 1 else ""
