"""A worker with further engines, registered here only: ``python tests/helpers/worker_entry.py``."""

from __future__ import annotations

import ctypes
import dataclasses
import logging
import os
import signal
import subprocess
import sys
import time
import types
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from core.cameras import Camera, front_camera
from core.engines import registry, settings
from core.engines.base import FaceBox, GenerateResult, PreparedPhoto
from core.engines.capture import Capture, Shot, as_capture
from core.engines.description import Description, Takes
from core.engines.outcomes import ShotOutcome
from core.engines.recipe import Recipe, used
from core.errors import PhotoError
from core.gaussians import Gaussians
from core.photo.sides import AUTO, HELP, LEFT_OUT, PLACED, THREE_QUARTER
from core.worker import server


@dataclasses.dataclass(frozen=True)
class Settings:
    count: int = settings.number(0, 10_000_000, 100, "Gaussians")
    steps: int = settings.number(1, 1_000_000, 5, "Steps")
    seconds: float = settings.number(0, 1000, 0.0, "Seconds for each step")
    seed: int = settings.number(0, 1 << 31, 1, "Seed")
    views_too: bool = settings.flag(False, "Make views")
    how: str = settings.choice(
        ("exit", "segfault", "kill", "error", "photo", "card", "exit-python", "unsendable"), "exit", "How it fails"
    )


def described(engine_id: str, settings_type: type = Settings, **more) -> Description:
    """The description of a test engine, which :func:`register` makes known."""
    title = engine_id.title()
    return Description(engine_id, title, "Test engine", "none", settings_type, ".description:ENGINE", **more)


def random_gaussians(count: int, seed: int) -> Gaussians:
    """The same Gaussians in every process, with extras of several types."""
    rng = np.random.default_rng(seed)
    return Gaussians(
        rng.normal(size=(count, 3)),
        rng.uniform(0.001, 0.1, (count, 3)),
        rng.normal(size=(count, 4)),
        rng.uniform(size=count),
        rng.normal(size=(count, 4, 3)),
        rng.integers(0, 7, count),
        {"confidence": rng.normal(size=count), "label": rng.integers(0, 1 << 40, (count, 2))},
    )


def outcomes_of(capture: Capture, aligned: np.ndarray, cameras: Sequence[Camera]) -> tuple[ShotOutcome, ...]:
    """Place a portrait and the photos whose side was said; leave out those of a green person."""
    portrait = ShotOutcome(PLACED, camera=cameras[0], picture=aligned)
    return (portrait, *map(_further_outcome, capture.shots[1:], cameras[1:]))


def _further_outcome(shot: Shot, camera: Camera) -> ShotOutcome:
    picture = np.asarray(Image.fromarray(shot.photo.rgba).resize((512, 512)))
    if (picture[..., 1] > 250).all() and picture[..., 0].max() == 0:
        return ShotOutcome(LEFT_OUT, "It shows somebody else.", THREE_QUARTER, picture=picture)
    if shot.options.side == AUTO:
        return ShotOutcome(HELP, "Its camera was not found.", THREE_QUARTER, picture=picture)
    return ShotOutcome(PLACED, "", shot.options.side, camera, picture)


class StepsEngine:
    """Sleeps through its steps, then returns random Gaussians."""

    description = described("steps")

    def obstacle(self) -> str:
        return ""

    def prepare(self, given, values, reporter) -> PreparedPhoto:
        capture = as_capture(given)
        self.description.takes.check(capture)
        photo = capture.portrait.photo
        reporter.stage("Looking")
        reporter.preview("crop", b"crop of " + photo.name.encode())
        aligned = np.zeros((512, 512, 4), np.uint8)
        aligned[:4, :4, :3] = photo.rgba[:4, :4, :3]
        return PreparedPhoto(aligned, (FaceBox(0, 1, 2, 3, 0.5),), 0, ("one face",))

    def generate(self, given, values, reporter) -> GenerateResult:
        options = self.description.read(values)
        preparing, stepping = reporter.parts(1, 1)
        prepared = self.prepare(given, values, preparing)
        stepping.stage("Stepping", options.steps)
        for _ in range(options.steps):
            time.sleep(options.seconds)
            self.step(options)
            reporter.step()
        views = np.full((6, 8, 8, 3), 7, np.uint8) if options.views_too else None
        recipe = Recipe(self.description.id, "test", dict(values), used(as_capture(given)))
        return GenerateResult(
            random_gaussians(options.count, options.seed),
            outcomes_of(as_capture(given), prepared.aligned, [front_camera()] * 9),
            recipe,
            views,
            {"Stepping": 1.0},
            ("a note",),
        )

    def step(self, options: Settings) -> None:
        """What the subclasses do in each step."""

    def unload(self) -> None:
        print("unloaded", self.description.id, flush=True)


class SeveralEngine(StepsEngine):
    """Takes three photos of a person."""

    description = described("several", takes=Takes(shots=3))


class ChattyEngine(StepsEngine):
    """Prints in every way that libraries print, and reads stdin."""

    description = described("chatty")

    def step(self, options: Settings) -> None:
        print("print from Python")
        os.write(1, b"Content-Length: 5\r\n\r\nraw write to descriptor 1\n")
        subprocess.run([sys.executable, "-c", "print('print from a child')"], check=True)
        ctypes.CDLL(None).puts(b"puts from C")
        ctypes.CDLL(None).fflush(None)
        assert sys.stdin.read() == ""


class FailingEngine(StepsEngine):
    """Fails as asked."""

    description = described("failing")

    def step(self, options: Settings) -> None:
        print("last words", file=sys.stderr, flush=True)
        if options.how == "exit":
            os._exit(3)
        if options.how == "segfault":
            ctypes.string_at(0)
        if options.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if options.how == "photo":
            raise PhotoError("No face was found.", "Choose another photo.", faces=np.int64(0))
        if options.how == "unsendable":
            raise PhotoError("The details are no JSON.", value=float("nan"))
        if options.how == "exit-python":
            sys.exit("a library gives up")
        if options.how == "card":
            # torch.AcceleratorError is a RuntimeError with these words.
            raise RuntimeError("CUDA error: unspecified launch failure")
        raise RuntimeError("a bug")


class HungryEngine(StepsEngine):
    """Asks for more memory than there is."""

    description = described("hungry")

    def step(self, options: Settings) -> None:
        np.ones(1 << 52, np.float64)


class StuckEngine(StepsEngine):
    """Sleeps in C without ever looking at the cancel flag; other threads go on."""

    description = described("stuck")

    def step(self, options: Settings) -> None:
        ctypes.CDLL(None).sleep(1000)


class FrozenEngine(StepsEngine):
    """Sleeps in C while holding the interpreter's lock: nothing else in the process runs."""

    description = described("frozen")

    def step(self, options: Settings) -> None:
        ctypes.PyDLL(None).sleep(1000)


class GarbageEngine(StepsEngine):
    """Writes into the protocol's own stream, as a broken build of the worker would."""

    description = described("garbage")

    def step(self, options: Settings) -> None:
        for descriptor in range(3, 32):
            try:
                os.write(descriptor, b"Loading model: 42%\n")
            except OSError:
                continue


class HeldPrepareEngine(StepsEngine):
    """Prepares for as long as a file exists, whose path is in the environment."""

    description = described("held-prepare")

    def prepare(self, given, values, reporter) -> PreparedPhoto:
        reporter.stage("Thinking")
        hold = Path(os.environ["FACELIFT_TEST_HOLD"])
        while hold.exists():
            time.sleep(0.005)
        return super().prepare(given, values, reporter)


class WarningEngine(StepsEngine):
    """Logs a warning of ours, and one of a library."""

    description = described("warning")

    def step(self, options: Settings) -> None:
        logging.getLogger("core.photo").warning("The photo is small.")
        logging.getLogger("library").warning("Deprecated.")


ENGINES = (
    StepsEngine,
    SeveralEngine,
    ChattyEngine,
    FailingEngine,
    HungryEngine,
    StuckEngine,
    FrozenEngine,
    GarbageEngine,
    HeldPrepareEngine,
    WarningEngine,
)


def register(*engines: type) -> None:
    """Make engines known to this process's registry, as if each had a folder there."""
    for engine in engines:
        module = types.ModuleType(f"core.engines.{engine.description.id}.description")
        module.DESCRIPTION, module.ENGINE = engine.description, engine
        sys.modules[module.__name__] = module
        if engine.description.id not in registry.ENGINES:
            registry.ENGINES.append(engine.description.id)


if __name__ == "__main__":
    register(*ENGINES)
    server.main()
