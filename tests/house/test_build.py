"""The entry point: requirements, interpreters, and the zip that users install."""

from __future__ import annotations

import argparse
import ast
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

import pytest

import build
from core.runtime.probe import platform_name
from tests.bench.__main__ import MODULES
from tests.conftest import ENDS, FAST, ONCE
from tests.helpers.addon import needs_blender
from tests.helpers.index import make_wheel, serve_index
from tests.helpers.patience import PATIENCE
from tests.tools.building import checks, environments, packages, processes

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture(scope="module")
def extension(tmp_path_factory) -> Path:
    return packages.build_zip(tmp_path_factory.mktemp("zip") / "facelift.zip")


@needs_blender
def test_zip_is_accepted_by_blenders_own_validator(extension):
    packages.validate_zip(Path(sys.executable), extension)


@needs_blender
def test_validator_would_notice_a_broken_manifest(extension, tmp_path):
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(extension) as source, zipfile.ZipFile(broken, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "blender_manifest.toml":
                data = data.replace(b'id = "facelift"', b'id = "not an id"')
            target.writestr(name, data)
    with pytest.raises(SystemExit):
        packages.validate_zip(Path(sys.executable), broken)


def test_zip_holds_the_product_and_nothing_else(extension):
    names = zipfile.ZipFile(extension).namelist()
    assert "core/gaussians.py" in names and "core/engines/draft/engine.py" in names
    assert "facelift_addon/__init__.py" in names and "LICENSE" in names and "NOTICE" in names
    assert any(name.startswith("core/photo/data/") for name in names)
    assert not [name for name in names if "__pycache__" in name]
    assert {name.partition("/")[0] for name in names} == {
        "blender_manifest.toml",
        "__init__.py",
        "LICENSE",
        "NOTICE",
        "CHANGELOG.md",
        "core",
        "facelift_addon",
    }


def test_every_module_in_the_zip_is_used_by_the_product(extension):
    """What no way from the add-on, the worker or the command line leads to is a tool of ours, or dead."""
    files = {name for name in zipfile.ZipFile(extension).namelist() if name.endswith(".py")} - {"__init__.py"}
    modules = {name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): name for name in files}
    reached, waiting = set(), ["facelift_addon", "core.__main__", "core.worker.__main__", *STARTED_BY_NAME]
    while waiting:
        module = waiting.pop()
        if module in modules and module not in reached:
            reached.add(module)
            waiting += [module.rpartition(".")[0], *imported(module, modules[module])]
    assert modules.keys() - reached == REFERENCES


STARTED_BY_NAME = (
    "core.engines.draft.engine",
    "core.engines.facelift.engine",
    "core.engines.facelift.setup",
    "core.formats.usd.child",
    "core.runtime.tasks",
)
"""Modules that a table or a command line names: engines, their setups, and what runs in a process of its own."""
REFERENCES = {
    "core.avatar.deformation",
    "core.editing.adjustments",
    "core.editing.regions",
}
"""What the node trees compute, in numpy, for comparison."""


def imported(module: str, name: str) -> Iterator[str]:
    """Yield what a module imports, anywhere in its text."""
    package = module if name.endswith("__init__.py") else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(Path(name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            # The add-on's and the core's packages lie in one package when they are installed.
            source = resolve_name("." * node.level + (node.module or ""), f"extension.{package}")
            source = source.removeprefix("extension.")
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_equal_sources_give_equal_bytes(extension, tmp_path):
    assert packages.build_zip(tmp_path / "again.zip").read_bytes() == extension.read_bytes()


@pytest.mark.parametrize("name", packages.FITS)
def test_manifest_of_a_platforms_zip_says_where_it_fits_and_keeps_the_rest(name):
    fit = packages.FITS[name]
    plain = tomllib.loads(packages.manifest_text(None, []))
    linux = tomllib.loads(packages.manifest_text("linux-x64", ["scipy-1-cp311.whl"], fit))
    assert linux.pop("platforms") == ["linux-x64"]
    assert linux.pop("wheels") == ["./wheels/scipy-1-cp311.whl"]
    assert linux.pop("blender_version_min") == fit.first
    assert linux.pop("blender_version_max", "") == fit.before
    assert linux == {key: value for key, value in plain.items() if key != "blender_version_min"}
    assert plain["blender_version_min"] == packages.FITS["blender45"].first


@needs_blender
def test_zip_with_this_platforms_wheels_is_valid_and_small_enough(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "DIST", tmp_path)
    fit = next(fit for fit in packages.FITS.values() if fit.python == PYTHON)
    wheels = packages.fetch_wheels(Path(sys.executable), platform_name(), fit)
    assert {wheel.name.split("-")[0].lower().replace("_", "-") for wheel in wheels} == {
        name.lower() for name in packages.WHEEL_PACKAGES
    }
    assert all(f"cp{fit.python.replace('.', '')}-" in wheel.name or "abi3" in wheel.name for wheel in wheels)
    target = packages.build_zip(tmp_path / "facelift.zip", platform_name(), wheels, fit)
    packages.validate_zip(Path(sys.executable), target)
    packages.check_size(target)


@pytest.mark.parametrize(
    ("platform", "name"), [(platform, name) for platform, (_, names) in packages.PLATFORMS.items() for name in names]
)
def test_every_platforms_wheels_are_to_be_had(tmp_path, platform, name):
    """Nothing is installed; what is not for this machine can be asked for only."""
    arguments = packages.wheel_arguments(platform, packages.FITS[name])
    what = f"finding wheels for {platform}"
    environments.must_pip(Path(sys.executable), what, "install", "--dry-run", "--target", tmp_path, *arguments)


def test_a_zip_that_is_too_large_stops_the_build(tmp_path):
    large = tmp_path / "large.zip"
    with large.open("wb") as stream:
        stream.truncate(packages.MAX_ZIP_BYTES + 1)
    with pytest.raises(SystemExit, match=r"large\.zip has 100\.0 MB"):
        packages.check_size(large)


def test_every_requirement_is_pinned():
    groups = tuple(tomllib.loads(Path("pyproject.toml").read_text())["project"]["optional-dependencies"])
    loose = [line for line in environments.requirements(groups) if "==" not in line.split(";")[0]]
    assert loose == ["numpy>=1.26.4"], "only numpy floats: Blender brings its own"


def test_an_unsupported_python_is_told_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 12, 1, "final", 0))
    with pytest.raises(SystemExit) as stopped:
        environments.own_blender()
    assert "3.11" in str(stopped.value) and "3.13" in str(stopped.value)


def test_running_interpreter_is_found_by_its_version():
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert environments.python_version(environments.find_python(version)) == version
    assert environments.find_python("2.9") is None


def test_help_lists_the_commands():
    result = subprocess.run([sys.executable, "build.py", "--help"], capture_output=True, text=True, check=True)
    for command in ("demo", "test", "lint", "bench", "package", "validate", "assets", "parity"):
        assert command in result.stdout


def test_every_measurement_is_in_the_list_of_those_that_are_run():
    here = {path.stem for path in (Path(__file__).parents[1] / "bench").glob("*_bench.py")}
    assert {name for names in MODULES.values() for name in names} == here


def test_personal_settings_of_pip_do_not_reach_the_environments(tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    make_wheel(tmp_path, "tiny_thing", "1.0")
    monkeypatch.setattr(environments, "ENVIRONMENTS", tmp_path / "envs")
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    with serve_index(tmp_path) as index:
        (tmp_path / "config" / "pip").mkdir(parents=True)
        settings = f"[global]\nindex-url = {index.url}\nuser = true\nno-binary = :all:\n"
        (tmp_path / "config" / "pip" / "pip.conf").write_text(settings)
        python = environments.environment("tiny", PYTHON, ["tiny_thing==1.0"])
    subprocess.run([python, "-c", "import tiny_thing"], check=True)
    assert not (tmp_path / "elsewhere").exists() and not (tmp_path / ".local").exists()


def test_some_runs_go_on_at_a_time_and_each_ones_output_stays_together(tmp_path, capfd):
    script = (
        "import pathlib, sys, time; folder, name, most = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]); "
        "running = folder / f'{name}.running'; running.touch(); (folder / f'{name}.begun').touch(); "
        "print(name, 'begins', flush=True); limit = time.monotonic() + float(sys.argv[4])\n"
        "while len(list(folder.glob('*.begun'))) < most: assert time.monotonic() < limit; time.sleep(0.01)\n"
        "assert len(list(folder.glob('*.running'))) <= most; running.unlink(); print(name, 'ends'); "
        "sys.exit(name == '5.2 blender')"
    )
    choices = ("blender", "not blender")
    runs = [processes.TestRun(blender, choice) for choice in choices for blender in environments.BLENDERS]
    assert len(runs) > processes.AT_ONCE > 1
    arguments = [str(processes.AT_ONCE), str(PATIENCE)]
    outcomes = processes.run_side_by_side(
        {run: [sys.executable, "-c", script, tmp_path, f"{run.blender} {run.choice}", *arguments] for run in runs}
    )
    assert [outcomes[run].code for run in runs] == [0, 1, 0, 0, 0, 0]
    assert "FAILED (exit code 1)" in str(outcomes[runs[1]])
    lines = [line for line in capfd.readouterr().out.splitlines() if line.endswith(("begins", "ends"))]
    assert lines == [f"{run.blender} {run.choice} {word}" for run in runs for word in ("begins", "ends")]


@pytest.fixture
def tested(monkeypatch):
    """Run ``build.py test`` with some Pythons and exit codes; return its own exit code and the runs."""

    def tested(pythons=("3.11", "3.13"), codes=(0,), arguments=(), fast=False):
        ran = []

        def run_side_by_side(commands):
            ran.extend(commands)
            return {run: processes.Outcome(codes[number % len(codes)], 60.0) for number, run in enumerate(commands)}

        monkeypatch.setattr(build, "find_python", lambda version: sys.executable if version in pythons else None)
        monkeypatch.setattr(build, "blender_environments", lambda groups: dict.fromkeys(groups, Path(sys.executable)))
        monkeypatch.setattr(build, "fetch_sources", lambda python: None)
        monkeypatch.setattr(build, "run_side_by_side", run_side_by_side)
        return build.command_test(argparse.Namespace(arguments=list(arguments), fast=fast)), ran

    return tested


@pytest.mark.parametrize(("variables", "code"), [({"CI": "true"}, 1), ({}, 0)])
def test_a_missing_python_is_told_and_fails_where_changes_are_let_in(monkeypatch, capsys, tested, variables, code):
    monkeypatch.delenv("CI", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert tested(["3.11"])[0] == code
    output = capsys.readouterr().out
    assert "Blender 4.5, Python 3.11, blender: passed, 1.0 minutes" in output
    assert "Blender 5.3: SKIPPED, no Python 3.13 found" in output


@pytest.mark.parametrize(
    ("codes", "arguments", "code"),
    [
        ([0], [], 0),
        ([0, 1], [], 1),
        ([0, 5], [], 1),
        ([0, 5], ["tests/house/test_build.py"], 0),
        ([5], ["-k", "no"], 1),
    ],
)
def test_runs_without_a_test_fail_unless_single_tests_were_asked_for(tested, codes, arguments, code):
    assert tested(codes=codes, arguments=arguments)[0] == code


def expression_holds(choice: str, markers: set[str]) -> bool:
    return eval(choice, {name: name in markers for name in ("blender", "facelift", "once", "ends", "fast")})


@pytest.mark.parametrize("pythons", [["3.11", "3.13"], ["3.11"], ["3.13"]])
@pytest.mark.parametrize("more", [set(), {"once"}, {"facelift"}, {"once", "facelift"}, {"ends"}, {"once", "ends"}])
@pytest.mark.parametrize("marker", [set(), {"blender"}])
def test_every_test_runs_as_often_as_it_should(tested, pythons, marker, more):
    """Once, with each Python, or against each Blender or the outer ones, and never twice against the same."""
    markers = marker | more
    runs = [run for run in tested(pythons)[1] if expression_holds(run.choice, markers)]
    blenders = [blender for blender, python in environments.BLENDERS.items() if python in pythons]
    if "once" in markers:
        blenders = blenders[:1]
    elif "blender" not in markers:
        blenders = [next(each for each in blenders if environments.BLENDERS[each] == python) for python in pythons]
    elif "ends" in markers:
        blenders = sorted({blenders[0], blenders[-1]})
    assert sorted(run.blender for run in runs) == blenders


def test_fast_runs_need_the_running_python_only(tested):
    code, runs = tested(fast=True)
    assert code == 0 and {environments.BLENDERS[run.blender] for run in runs} == {PYTHON}
    for marker in (set(), {"blender"}):
        assert sum(expression_holds(run.choice, marker | {"fast"}) for run in runs) == 1
        assert not any(expression_holds(run.choice, marker) for run in runs)


def test_what_runs_less_or_more_often_is_there():
    """A module that gets another name would run again and again, or no longer."""
    names = {entry.partition("::")[0] for entry in ONCE | ENDS | FAST}
    assert {path.stem for path in Path(__file__).parents[1].rglob("test_*.py")} >= names


@pytest.fixture
def linted(tmp_path, monkeypatch):
    """Run ``build.py lint`` with tools that end with given codes; return its own code and what ran."""
    if os.name == "nt":
        pytest.skip("its Python is a shell script")

    def linted(**codes):
        python = tmp_path / "python"
        cases = "".join(f"*{tool}*) exit {code};; " for tool, code in codes.items())
        python.write_text(f'#!/bin/sh\necho "$*" >> "{tmp_path}/ran"\ncase "$*" in {cases}esac\n')
        python.chmod(0o755)
        monkeypatch.setattr(checks, "environment", lambda *_: python)
        return checks.lint(), (tmp_path / "ran").read_text().splitlines()

    return linted


@pytest.mark.parametrize(("codes", "code"), [({}, 0), ({"ruff": 1}, 1), ({"importlinter": 1}, 1), ({"mypy": 2}, 1)])
def test_lint_runs_every_check_and_fails_when_one_does(linted, capfd, codes, code):
    ended, ran = linted(**codes)
    assert (ended, len(ran)) == (code, len(checks.TOOLS))
    assert ("FAILED" in capfd.readouterr().out) == bool(code)


def test_ci_lints_and_tests():
    steps = Path(".ci/run").read_text()
    assert "build.py lint" in steps and "build.py test" in steps
