"""Lock files: every package of the runtime, pinned and hashed, for one platform and backend.

A lock is a requirements file that uv and pip read as it is, with facts for us in its comments.
Builds of PyTorch that the common package index does not carry come from PyTorch's own index; they
are named in the comments, and installed in a step of their own.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from .backends import Backend
from .errors import RuntimeProblem

FOLDER = Path(__file__).resolve().parent / "locks"
FACT = re.compile(r"^# ([a-z-]+) = (.*)$", re.MULTILINE)
REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True)
class Lock:
    """A lock file.

    Attributes:
        platform, backend: What it is for.
        path: The file.
        torch: PyTorch's requirement, "torch==2.13.0+cu126".
        torch_index: Index from which PyTorch and NVIDIA's libraries come without hashes; empty when
            they are hashed in the file like everything else.
        download_bytes: What has to be downloaded, about.
        installed_bytes: What it takes on the disk, about.
        digest: Short hash of the file's contents: another one means another runtime.
        packages: Version by name of what is hashed in the file.
    """

    platform: str
    backend: Backend
    path: Path
    torch: str
    torch_index: str
    download_bytes: int
    installed_bytes: int
    digest: str
    packages: dict[str, str] = field(repr=False)


def read(platform: str, backend: Backend, folder: Path = FOLDER) -> Lock:
    """Return the lock for a platform and backend.

    Raises:
        RuntimeProblem: there is none, or it is damaged.
    """
    path = folder / f"{platform}-{backend}.txt"
    try:
        text = path.read_text(encoding="utf-8")
        facts = dict(FACT.findall(text))
        return Lock(
            platform,
            Backend(backend),
            path,
            facts["torch"],
            facts.get("torch-index", ""),
            int(facts["download-bytes"]),
            int(facts["installed-bytes"]),
            hashlib.sha256(text.encode()).hexdigest()[:12],
            dict(REQUIREMENT.findall(text)),
        )
    except FileNotFoundError as error:
        raise RuntimeProblem(
            f"There is no list of packages for {platform} with {backend}.", "Choose another build."
        ) from error
    except (OSError, KeyError, ValueError) as error:
        raise RuntimeProblem(
            f"The list of packages {path.name} is damaged ({error}).", "Install the extension again."
        ) from error
