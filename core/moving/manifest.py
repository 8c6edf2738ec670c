"""What is known of a moving head in its folder: how it is made, and which frames are done."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from .. import formats
from ..engines.registry import describe
from ..errors import FaceLiftError, FormatError
from ..photo.types import FaceBox, face_at
from ..progress import Reporter
from ..system.files import replacing

FILE = "sequence.json"
VERSION = 1
DIGITS = 5
HEAD_OF_FILE = 1 << 20
"""Bytes of a video by which it is told from others of its name and size."""


@dataclass(frozen=True)
class Recipe:
    """How each head of the clip is made.

    Attributes:
        clip: File name of the clip.
        size: Its size in bytes; of a folder, that of its files.
        digest: SHA-256 of the file's beginning, hexadecimal; of a folder, that of its files' names and sizes.
        engine: Engine's id.
        settings: Those of its settings that decide how a head looks.
        rate: Heads a second.
        start: Second of the clip at which they begin.
        end: Second at which they end; less than 0 for the clip's end.
        suffix: Of the files.
        whom: Of several people, whose heads: the face where it is first seen in that part, in pixels of the clip, as
            :func:`~core.photo.types.corners_of` has it; empty for the largest.
    """

    clip: str
    size: int
    digest: str
    engine: str
    settings: dict[str, Any]
    rate: float
    start: float = 0.0
    end: float = -1.0
    suffix: str = ".spz"
    whom: list[float] = field(default_factory=list)

    @property
    def face(self) -> FaceBox | None:
        """The face to follow; None for the largest."""
        return face_at(self.whom)


def recipe_of(path: Path, engine: str, settings: Mapping[str, Any], **more: Any) -> Recipe:
    """Return how the heads of a clip are made.

    Args:
        path: The clip.
        engine: Engine's id.
        settings: Its settings, as far as they are not its defaults.
        more: Further fields of the recipe.

    Raises:
        SettingsError: unknown or out-of-range settings.
    """
    description = describe(engine)
    recorded = description.recorded(description.read(settings))
    return Recipe(path.name, *_identity(path), engine, recorded, **more)


def _identity(path: Path) -> tuple[int, str]:
    """Return a clip's size in bytes and its digest; those of nothing where it can't be read, which opening it tells."""
    try:
        if path.is_dir():
            sizes = sorted((entry.name, entry.stat().st_size) for entry in os.scandir(path) if entry.is_file())
            return sum(size for _, size in sizes), hashlib.sha256(repr(sizes).encode()).hexdigest()
        with path.open("rb") as stream:
            return path.stat().st_size, hashlib.sha256(stream.read(HEAD_OF_FILE)).hexdigest()
    except OSError:
        return 0, ""


@dataclass(eq=False)
class Manifest:
    """A folder with the heads of a clip.

    Attributes:
        folder: Where they are.
        recipe: How they are made.
        failed: Reasons by the numbers of frames that gave no head.
        frame_rate: Heads a second, which are fewer than the recipe asks for where the clip has no more frames; 0 while
            the clip wasn't opened.
        heads: How many there are to be; 0 while that is not known.
    """

    folder: Path
    recipe: Recipe
    failed: dict[int, str] = field(default_factory=dict)
    frame_rate: float = 0.0
    heads: int = 0

    @classmethod
    def open(cls, folder: Path, recipe: Recipe) -> Manifest:
        """Return a folder's manifest; one of the same recipe is gone on with, and what failed is tried again.

        Raises:
            FaceLiftError: the folder holds heads of another recipe ("other-sequence"), its manifest is damaged
                ("bad-sequence"), or it can't be written ("disk-full", "file-unwritable").
        """
        path = folder / FILE
        manifest = cls(folder, recipe)
        if not path.exists():
            _make(folder)
            manifest.save()
            return manifest
        try:
            known = Recipe(**json.loads(path.read_text(encoding="utf-8"))["recipe"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FaceLiftError(
                f"{FILE} in {folder.name} is damaged.",
                "Choose another folder, or delete that file.",
                code="bad-sequence",
            ) from error
        if known != recipe:
            raise FaceLiftError(
                f"{folder.name} holds the heads of {known.clip}, made otherwise: {', '.join(_apart(known, recipe))}.",
                "Choose another folder, or what was chosen there.",
                code="other-sequence",
            )
        return manifest

    def save(self) -> None:
        """Write it; the file before stays until that is complete.

        Raises:
            FaceLiftError: it can't be written ("disk-full", "file-unwritable").
        """
        facts = {
            "version": VERSION,
            "recipe": asdict(self.recipe),
            "frame_rate": self.frame_rate,
            "heads": self.heads,
            "failed": self.failed,
        }
        with replacing(self.folder / FILE) as stream:
            stream.write(json.dumps(facts, indent=1).encode())

    def path(self, number: int) -> Path:
        """Return the file of a frame by its number."""
        return self.folder / f"{Path(self.recipe.clip).stem}_{number:0{DIGITS}}{self.recipe.suffix}"

    def done(self, reporter: Reporter) -> set[int]:
        """Return the numbers of the heads that are there and whole: each file is read.

        Raises:
            Cancelled: cancelled through the reporter.
        """
        there = [number for number in range(1, self.heads + 1) if self.path(number).is_file()]
        reporter.stage("Looking at the heads that are there", len(there))
        whole = set()
        for number in there:
            try:
                formats.read(self.path(number))
            except FormatError:
                pass  # It is made anew.
            else:
                whole.add(number)
            reporter.step()
        return whole


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FaceLiftError(
            f"The folder {folder} could not be made: {error.strerror or error}.",
            "Choose another one.",
            code="file-unwritable",
        ) from error


def _apart(known: Recipe, asked: Recipe) -> list[str]:
    """Return the names of what two recipes differ in."""
    names = {item.name for item in fields(Recipe) if item.name != "settings"}
    apart = sorted(name for name in names if getattr(known, name) != getattr(asked, name))
    settings = {*known.settings, *asked.settings}
    return apart + sorted(name for name in settings if known.settings.get(name) != asked.settings.get(name))
