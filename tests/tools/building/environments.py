"""The environments in ``.envs/``: made when a command needs one, and kept."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from core.runtime.package_settings import inherited_variables

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENTS = ROOT / ".envs"
BLENDERS = {"4.5": "3.11", "5.2": "3.13", "5.3": "3.13"}
"""The Blender versions that are served, and the Python of each."""


def log(text: str) -> None:
    """Print a line at once, also when the output is piped."""
    print(text, flush=True)


def run(command: list[Any], **options: Any) -> int:
    """Run a command in the checkout and return its exit code."""
    return subprocess.run([str(part) for part in command], cwd=ROOT, check=False, **options).returncode


def must_run(command: list[Any], what: str, **options: Any) -> None:
    """Run a command; end the build with a sentence when it fails."""
    code = run(command, **options)
    if code:
        sys.exit(f"build.py: {what} failed (exit code {code}). The lines above say why.")


def must_pip(python: Path, what: str, command: str, *arguments: str | Path) -> None:
    """Run a command of a Python's pip, of a person's settings only with what says where packages are."""
    pip = [python, "-m", "pip", command, "-q", "--disable-pip-version-check", *arguments]
    must_run(pip, what, env=inherited_variables())


def python_version(executable: str | Path) -> str | None:
    """Return "3.11" and the like, or None when it is no working Python."""
    code = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    try:
        result = subprocess.run([str(executable), "-c", code], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() if result.returncode == 0 else None


def find_python(version: str) -> str | None:
    """Return an interpreter of this version: our own, on PATH, of pyenv or the Windows launcher."""
    candidates: list[str | Path | None] = [
        sys.executable,
        shutil.which(f"python{version}"),
        shutil.which("python3"),
        shutil.which("python"),
    ]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates += sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)
    if shutil.which("py"):
        launcher = ["py", f"-{version}", "-c", "import sys; print(sys.executable)"]
        candidates.append(subprocess.run(launcher, capture_output=True, text=True, check=False).stdout.strip())
    return next((str(path) for path in candidates if path and python_version(path) == version), None)


def engines() -> list[str]:
    """Return the names of all engines: of the folders that describe one."""
    return sorted(path.parent.name for path in (ROOT / "core" / "engines").glob("*/description.py"))


def engine_groups(engine: str | None) -> tuple[str, ...]:
    """Return the groups of requirements that an engine needs: one of its own name, where pyproject.toml has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return (engine,) if engine is not None and engine in project["optional-dependencies"] else ()


def requirements(groups: tuple[str, ...]) -> list[str]:
    """Return pyproject's pinned requirements: the base ones and those of the optional groups."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["dependencies"] + [line for group in groups for line in project["optional-dependencies"][group]]


def environment(name: str, version: str, wanted: list[str]) -> Path:
    """Return the Python of ``.envs/<name>`` with these requirements installed; make or extend it first.

    A marker file lists what was installed completely, so an interrupted installation is
    taken up again and a finished one costs nothing.
    """
    home = ENVIRONMENTS / name
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    marker = home / "installed.json"
    installed = json.loads(marker.read_text()) if marker.exists() else []
    if set(wanted) <= set(installed) and python.exists():
        return python
    source = find_python(version)
    if source is None:
        sys.exit(f"build.py: Python {version} was not found. Install it from python.org and run this again.")
    if python_version(python) != version:
        log(f"Making the environment {home.relative_to(ROOT)} (Python {version})")
        shutil.rmtree(home, ignore_errors=True)
        must_run([source, "-m", "venv", home], "making the environment")
        installed = []
    complete = sorted({*installed, *wanted})
    log(f"Installing {len(wanted)} packages into {home.relative_to(ROOT)}")
    # All of them in one call: otherwise a later package could replace an earlier one's numpy.
    # Bytecode is written when modules are first imported: of PyTorch and its friends that is one in five.
    must_pip(python, f"installing packages into {home.name}", "install", "--no-compile", *complete)
    marker.write_text(json.dumps(complete, indent=1))
    return python


def blender_environment(blender: str, groups: tuple[str, ...]) -> Path:
    """Return the Python of a Blender's environment with the groups of pyproject's requirements installed.

    The group ``blender`` stands for that version's bpy.
    """
    name = f"blender{blender.replace('.', '')}"
    wanted = requirements(tuple(name if group == "blender" else group for group in groups))
    return environment(name, BLENDERS[blender], wanted)


def blender_environments(groups: Mapping[str, tuple[str, ...]]) -> dict[str, Path]:
    """Return the Pythons of Blenders' environments, each with its groups, made side by side."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(groups, pool.map(blender_environment, groups, groups.values()), strict=True))


def own_blender() -> str:
    """Return the oldest Blender version that the running Python serves, or end with what to install."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if version not in BLENDERS.values():
        sys.exit(
            f"build.py: this is Python {version}, but Blender's modules exist for Python 3.11 (Blender 4.5) and "
            "3.13 (Blender 5.2 and 5.3) only. Install one of these from python.org and run: python3.11 build.py "
            + " ".join(sys.argv[1:])
        )
    return next(blender for blender, python in BLENDERS.items() if python == version)
