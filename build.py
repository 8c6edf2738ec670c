#!/usr/bin/env python3
"""One entry point for everything: demo, test, lint, bench, package, validate, assets, lock, parity.

Needs nothing but Python 3.11 (tests Blender 4.5) or 3.13 (tests Blender 5.2 and 5.3) and a package
registry: every command makes the environment that it needs in ``.envs/`` and reuses it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from tests.tools.building import checks
from tests.tools.building.environments import (
    BLENDERS,
    ROOT,
    blender_environment,
    blender_environments,
    engine_groups,
    engines,
    find_python,
    log,
    own_blender,
    run,
)
from tests.tools.building.packages import (
    DIST,
    FITS,
    PLATFORMS,
    build_zip,
    check_size,
    fetch_sources,
    fetch_wheels,
    project_version,
    validate_zip,
    write_index,
)
from tests.tools.building.processes import NOTHING_CHOSEN, fast_runs, planned_runs, run_side_by_side

WITH_ENGINES = next(iter(BLENDERS))
"""The Blender whose tests have what engines need beside it: PyTorch stays out of newer ones, as at people's."""
SLOWEST = ("--durations=20", "--durations-min=5")
"""pytest tells which tests take long, so that somebody looks after them."""


def command_demo(options: argparse.Namespace) -> int:
    """Photo to head, .blend and pictures."""
    python = blender_environment(own_blender(), ("blender", "demo", *engine_groups(options.engine)))
    extension = build_zip(DIST / "demo" / "facelift.zip")
    arguments = ["--zip", extension, "--out", options.out.resolve()]
    if options.engine:
        arguments += ["--engine", options.engine]
    for name in ("photo", "checkpoint"):
        if getattr(options, name):
            arguments += [f"--{name}", getattr(options, name).resolve()]
    return run([python, "-m", "tests.tools.demo", *arguments])


def command_test(options: argparse.Namespace) -> int:
    """Every test, against every Blender whose Python is here."""
    missing = [blender for blender, version in BLENDERS.items() if find_python(version) is None]
    here = [blender for blender in BLENDERS if blender not in missing]
    runs = planned_runs(here)
    if options.fast:
        missing, here, runs = [], [own_blender()], fast_runs()
    needed = [group for engine in engines() for group in engine_groups(engine)]
    pythons = blender_environments(
        {blender: ("blender", "demo", "test", *(needed if blender == WITH_ENGINES else ())) for blender in here}
    )
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


def command_lint(options: argparse.Namespace) -> int:
    """Style, types and directions of imports, as pyproject.toml says."""
    return checks.lint()


def command_bench(options: argparse.Namespace) -> int:
    """The measurements of BENCHMARKS.md."""
    python = blender_environment(own_blender(), ("blender", "demo", "test", *engine_groups(options.engine)))
    chosen = ["--engine", options.engine] if options.engine else []
    return run([python, "-m", "tests.bench", *chosen, *options.arguments])


def command_package(options: argparse.Namespace) -> int:
    """The extension's zip files, validated; with --index the repository from which Blender updates it."""
    python = blender_environment(own_blender(), ("blender",))
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
    python = blender_environment(own_blender(), ("blender",))
    targets = options.zips or sorted(DIST.glob("*.zip"))
    if not targets:
        sys.exit("build.py: there is no zip in dist/. Run: python build.py package")
    for target in targets:
        validate_zip(python, target)
    return 0


def command_assets(options: argparse.Namespace) -> int:
    """Rebuild the networks and the head model from their source packages and compare with the committed files."""
    python = blender_environment(own_blender(), ("assets",))
    sources = fetch_sources(python)
    return run([python, "-m", "tests.tools.assets", "--sources", sources, *(["--write"] if options.write else [])])


def command_parity(options: argparse.Namespace) -> int:
    """The facelift engine against recorded tensors."""
    python = blender_environment(own_blender(), ("facelift", "test"))
    arguments = [options.folder.resolve(), "--device", options.device] + (["--full"] if options.full else [])
    return run([python, "-m", "tests.tools.parity", *arguments])


def command_lock(options: argparse.Namespace) -> int:
    """Renew the hashed lock files of the facelift engine's runtime."""
    python = blender_environment(own_blender(), ("lock",))
    uv = python.parent / ("uv.exe" if os.name == "nt" else "uv")
    return run([python, "-m", "tests.tools.lock", "--uv", uv, *(["--check"] if options.check else [])])


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="build.py", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name: str, function: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=function.__doc__, description=function.__doc__)
        command.set_defaults(function=function)
        return command

    demo = add("demo", command_demo)
    demo.add_argument("--photo", type=Path, help="your portrait (default: the astronaut of scikit-image)")
    demo.add_argument("--engine", choices=engines(), help="default: the one that needs no download")
    demo.add_argument("--checkpoint", type=Path, help="folder of the facelift engine's weights")
    demo.add_argument("--out", type=Path, default=ROOT / "out", help="where the results go")
    test = add("test", command_test)
    test.add_argument("--fast", action="store_true", help="the tests that tell most, in two minutes, with one Blender")
    test.add_argument("arguments", nargs="*", help="passed on to pytest (after --)")
    add("lint", command_lint)
    bench = add("bench", command_bench)
    bench.add_argument("--engine", choices=engines(), help="default: the one that needs no download")
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
