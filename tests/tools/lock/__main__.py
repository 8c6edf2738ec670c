"""Makes the lock files in ``core/runtime/locks/``: ``build.py lock``.

``uv pip compile`` resolves and hashes. Of the hashes only those of files that the platform can use
are kept, which is a tenth. Where PyTorch's own index can't be reached, its builds are pinned by
version only, and the command says so.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from core.engines import registry
from core.runtime.backends import PLATFORM_BACKENDS, Backend
from core.runtime.indexes import package_files, package_index, torch_index
from core.runtime.lockfile import FOLDER, REQUIREMENT

from .remote_zip import remote_size, unpacked_bytes

PROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"
EXTRA_REQUIREMENTS = ("filelock",)
"""What downloading the weights needs besides; huggingface_hub brings it, but that may change."""

UV_PLATFORMS = {
    "linux-x64": "x86_64-manylinux_2_28",
    "windows-x64": "x86_64-pc-windows-msvc",
    "macos-arm64": "aarch64-apple-darwin",
}
WHEEL_TAGS = {
    "linux-x64": re.compile(r"-(?:any|\S*(?:manylinux|linux)\S*x86_64\S*)\.whl$"),
    "windows-x64": re.compile(r"-(?:any|win_amd64)\.whl$"),
    "macos-arm64": re.compile(r"-(?:any|macosx_(?:1[0-4])_\d+_(?:arm64|universal2)\S*)\.whl$"),
}
PYTHON_TAGS = re.compile(r"-(?:(?:py2\.)?py3|cp3|cp311|cp312|cp313|cp\d+-abi3)(?:-|\.py)|-cp3\d+-abi3-|-py3\d*-")
OLDEST_PYTHON = "3.11"
"""The environment's Python is this or newer: one list serves 3.11 to 3.13."""
MACOS_TARGET = "14.0"

ON_COMMON_INDEX = {("linux-x64", Backend.CU130), ("windows-x64", Backend.CPU), ("macos-arm64", Backend.MPS)}
"""Where the build on the common package index is the wanted one."""
TORCH_FAMILY = re.compile(r"^(?:torch|triton|nvidia-.*|cuda-.*)$")
"""Packages that come with PyTorch from its own index."""

TORCH_SIZES = {
    ("linux-x64", Backend.CPU): (191_794_682, 699_298_109),
    ("linux-x64", Backend.CU126): (3_000_000_000, 5_500_000_000),
    ("windows-x64", Backend.CU126): (2_600_000_000, 4_500_000_000),
    ("windows-x64", Backend.CU130): (1_900_000_000, 3_500_000_000),
}
"""Bytes to download and on the disk of PyTorch with its libraries, where its index can't be asked.
The first is measured, the others are estimates."""
RELEASE = re.compile(r"uv-[\d.]+-")
"""A wheel of uv that is no pre-release."""


@dataclass(frozen=True)
class Entry:
    """A package of a lock: its "name==version" with markers, and its SHA-256 hashes."""

    requirement: str
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The package's name."""
        return self.requirement.partition("==")[0]

    @property
    def version(self) -> str:
        """The pinned version."""
        return self.requirement.partition("==")[2].partition(";")[0].strip()


def requirements(project: Path = PROJECT) -> list[str]:
    """Return what the runtime must have, from ``pyproject.toml``."""
    table = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    return [*table["dependencies"], *table["optional-dependencies"][registry.with_setup().id], *EXTRA_REQUIREMENTS]


def make(platform: str, backend: Backend, uv: str) -> str:
    """Return the text of a lock file.

    Args:
        platform: Blender's name of the platform.
        backend: The build.
        uv: The uv program.

    Raises:
        subprocess.CalledProcessError: uv could not resolve; its output is on stderr.
        OSError: the package index could not be asked.
        ValueError: a package has no hash there, and none is made up.
    """
    wanted = requirements()
    torch = next(line for line in wanted if line.startswith("torch=="))
    index = "" if (platform, backend) in ON_COMMON_INDEX else torch_index(backend)
    own_index = ""
    if index and _reachable(f"{index}/torch/"):
        torch = f"{torch}+{backend}"
        wanted = [torch if line.startswith("torch==") else line for line in wanted]
        entries, own_index, index = _compile(platform, wanted, uv, index), index, ""
    else:
        entries = _compile(platform, wanted, uv)
        if index:
            torch = f"{torch}+{backend}"
            entries = [entry for entry in entries if not TORCH_FAMILY.match(entry.name)]
    bare = [entry.requirement for entry in entries if not entry.hashes]
    if bare:
        raise ValueError(f"the indexes give no hash of {', '.join(bare)}; the lock file stays as it is")
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(lambda entry: _for_platform(entry, platform, _places(entry, own_index)), entries))
    sizes = [size for _, size in kept] + ([TORCH_SIZES[platform, backend]] if index else [])
    facts = {
        "platform": platform,
        "backend": str(backend),
        "python": f">={OLDEST_PYTHON}",
        "torch": torch,
        **({"torch-index": index} if index else {}),
        "download-bytes": str(sum(download for download, _ in sizes)),
        "installed-bytes": str(sum(installed for _, installed in sizes)),
    }
    lines = ["# The FaceLift engine's runtime. Made by: python build.py lock"]
    lines += [f"# {name} = {value}" for name, value in facts.items()]
    for entry, _ in kept:
        lines.append(" \\\n".join([entry.requirement, *(f"    --hash=sha256:{digest}" for digest in entry.hashes)]))
    return "\n".join(lines) + "\n"


def _compile(platform: str, wanted: Iterable[str], uv: str, index: str = "") -> list[Entry]:
    command = [uv, "pip", "compile", "-", "--quiet", "--no-config", "--system-certs", "--generate-hashes"]
    command += ["--no-header", "--no-annotate", "--only-binary", ":all:"]
    command += ["--python-platform", UV_PLATFORMS[platform], "--python-version", OLDEST_PYTHON]
    if index:
        command += ["--index", index, "--index-strategy", "unsafe-best-match"]
    environment = {"MACOSX_DEPLOYMENT_TARGET": MACOS_TARGET, **os.environ}
    answer = subprocess.run(
        command, input="\n".join(wanted), env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    logical = answer.stdout.replace("\\\n", " ").splitlines()
    return [_entry(line) for line in logical if "==" in line and not line.lstrip().startswith("#")]


def _entry(line: str) -> Entry:
    requirement, *hashes = (part.strip() for part in line.split("--hash=sha256:"))
    return Entry(requirement, tuple(hashes))


def _places(entry: Entry, own_index: str) -> list[str]:
    """Return the indexes that may have a package: PyTorch's own only for its family, of which it has all."""
    return [own_index] if own_index and TORCH_FAMILY.match(entry.name) else [package_index()]


def _for_platform(entry: Entry, platform: str, places: Sequence[str]) -> tuple[Entry, tuple[int, int]]:
    """Return an entry with the hashes of the platform's wheels only, and the sizes of the largest of them.

    Sizes are bytes to download and bytes once unpacked.
    """
    files = {file.sha256: file for place in places for file in package_files(place, entry.name)}
    fitting = [
        file
        for file in (files[digest] for digest in entry.hashes if digest in files)
        if WHEEL_TAGS[platform].search(file.name) and PYTHON_TAGS.search(file.name)
    ]
    if not fitting:
        return entry, (0, 0)
    largest = max(fitting, key=lambda file: file.size or 0)
    size = largest.size or remote_size(largest.url)
    hashes = tuple(sorted(file.sha256 for file in fitting))
    return Entry(entry.requirement, hashes), (size, unpacked_bytes(largest.url, size))


def make_uv() -> str:
    """Return the pin of uv itself: the index's newest wheels for our platforms."""
    tags = {"linux": "manylinux_2_17_x86_64", "windows": "-win_amd64", "macos": "macosx_11_0_arm64"}
    files = [file for file in package_files(package_index(), "uv") if any(tag in file.name for tag in tags.values())]
    newest = max(tuple(map(int, file.name.split("-")[1].split("."))) for file in files if RELEASE.match(file.name))
    version = ".".join(map(str, newest))
    hashes = sorted(file.sha256 for file in files if file.name.startswith(f"uv-{version}-"))
    return " \\\n".join([f"uv=={version}", *(f"    --hash=sha256:{digest}" for digest in hashes)]) + "\n"


def _reachable(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status == 200
    except OSError:
        return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the lock files, or with ``--check`` only tell which would change; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.lock", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="such as linux-x64-cpu; all by default")
    parser.add_argument("--uv", default=shutil.which("uv") or "uv", help="the uv program")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file would change")
    options = parser.parse_args(arguments)
    makers: dict[str, Callable[[], str]] = {"uv": make_uv}
    for platform, backends in PLATFORM_BACKENDS.items():
        for backend in backends:
            makers[f"{platform}-{backend}"] = partial(make, platform, backend, options.uv)
    changed = []
    for name in options.names or makers:
        path, text = FOLDER / f"{name}.txt", makers[name]()
        if not path.exists() or text != path.read_text(encoding="utf-8"):
            changed.append(name)
            if not options.check:
                path.write_text(text, encoding="utf-8", newline="\n")
        unhashed = " (PyTorch without hashes: its index could not be reached)" if "# torch-index" in text else ""
        print(f"{path.name}: {len(REQUIREMENT.findall(text))} pins{unhashed}")
    print(json.dumps({"changed": changed}))
    return 1 if options.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
