"""What is known of a moving head in its folder: how it is made, and which frames are done."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import FaceLiftError
from ..system.files import replacing

FILE = "sequence.json"
VERSION = 1
DIGITS = 5


@dataclass(frozen=True)
class Recipe:
    """How each head of the clip is made.

    Attributes:
        clip: File name of the clip.
        size: Its size in bytes.
        engine: Engine's id.
        settings: Its settings.
        rate: Heads a second.
        start: Second of the clip at which they begin.
        end: Second at which they end; less than 0 for the clip's end.
        suffix: Of the files.
    """

    clip: str
    size: int
    engine: str
    settings: dict[str, Any]
    rate: float
    start: float = 0.0
    end: float = -1.0
    suffix: str = ".spz"


@dataclass(eq=False)
class Manifest:
    """A folder with the heads of a clip.

    Attributes:
        folder: Where they are.
        recipe: How they are made.
        failed: Reasons by the numbers of frames that gave no head.
    """

    folder: Path
    recipe: Recipe
    failed: dict[int, str] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, recipe: Recipe) -> Manifest:
        """Return a folder's manifest; one of the same recipe is gone on with.

        Raises:
            FaceLiftError: the folder holds heads of another recipe ("other-sequence"), or its manifest is damaged.
        """
        path = folder / FILE
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            found = cls(folder, recipe)
            found.save()
            return found
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            known = Recipe(**stored["recipe"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FaceLiftError(
                f"{FILE} in {folder.name} is damaged.",
                "Choose another folder, or delete that file.",
                code="bad-sequence",
            ) from error
        if known != recipe:
            raise FaceLiftError(
                f"{folder.name} holds the heads of {known.clip}, made with other settings.",
                "Choose another folder, or the settings that were used there.",
                code="other-sequence",
            )
        # What failed before is tried again.
        return cls(folder, recipe)

    def save(self) -> None:
        """Write it; the file before stays until that is complete.

        Raises:
            FaceLiftError: it can't be written ("disk-full", "file-unwritable").
        """
        facts = {"version": VERSION, "recipe": asdict(self.recipe), "failed": self.failed}
        with replacing(self.folder / FILE) as stream:
            stream.write(json.dumps(facts, indent=1).encode())

    def path(self, number: int) -> Path:
        """Return the file of a frame by its number."""
        return self.folder / f"{Path(self.recipe.clip).stem}_{number:0{DIGITS}}{self.recipe.suffix}"

    def is_done(self, number: int) -> bool:
        """Whether a frame's head is there; files are written whole or not at all."""
        path = self.path(number)
        return path.is_file() and path.stat().st_size > 0
