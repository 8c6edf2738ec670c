"""What was done to make a head: enough to make it again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import starmap, zip_longest
from typing import Any

from ..errors import FaceLiftError
from ..photo.decode import Photo
from ..photo.lens import Lens
from . import old_recipes
from .capture import Capture, Shot


@dataclass(frozen=True)
class UsedPhoto:
    """The photo that a shot of a recipe was.

    Attributes:
        name: File name without folder.
        sha256: Hash of the file's bytes, hexadecimal.
        matte_sha256: Hash of what was painted on its matte; empty where nothing was.
        lens: The aligned picture's lens as the engine took it, or None where engines know of none.
    """

    name: str
    sha256: str
    matte_sha256: str = ""
    lens: Lens | None = None


@dataclass(frozen=True)
class Recipe:
    """How a head was made.

    Attributes:
        engine: Engine's id.
        version: Of FaceLift.
        settings: The engine's settings that decide how the head looks.
        capture: What it was made from, with :class:`UsedPhoto` standing for each photo.
        licence: Of the engine's results.
        models: What the engine's models were, as the engine tells.
    """

    engine: str
    version: str
    settings: Mapping[str, Any]
    capture: Capture[UsedPhoto]
    licence: str = ""
    models: Mapping[str, Any] = field(default_factory=dict)

    @property
    def portrait(self) -> Shot[UsedPhoto]:
        """The shot whose face the head has."""
        return self.capture.portrait

    @property
    def digests(self) -> tuple[str, ...]:
        """SHA-256 of every shot's photo."""
        return tuple(photo.sha256 for photo in self.capture.photos)

    @property
    def seed(self) -> int:
        """Seed of everything random; 0 with engines that have none."""
        return self.settings.get("seed", 0)

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe in JSON form."""
        shots = [{**shot.facts(), "photo": asdict(shot.photo)} for shot in self.capture.shots]
        return {
            "engine": self.engine,
            "version": self.version,
            "settings": dict(self.settings),
            "shots": shots,
            "licence": self.licence,
            "models": dict(self.models),
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Recipe:
        """Return the recipe of :meth:`to_dict`, of this version or an earlier one.

        Painted mattes are not part of it: their hashes are.

        Raises:
            FaceLiftError: it can't be read ("bad-recipe").
        """
        try:
            facts = old_recipes.upgraded(facts)
            shots = tuple(Shot.from_facts(_photo_from(shot["photo"]), shot) for shot in facts["shots"])
            settings, models = dict(facts["settings"]), dict(facts.get("models", {}))
            return cls(facts["engine"], facts["version"], settings, Capture(shots), facts.get("licence", ""), models)
        except (FaceLiftError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise FaceLiftError(
                "How this head was made can't be read.", "Make it anew from its photo.", code="bad-recipe"
            ) from error


def used(capture: Capture[Photo], lenses: Sequence[Lens] = ()) -> Capture[UsedPhoto]:
    """Return a capture as recipes have it: painted mattes are hashed, not kept.

    Args:
        capture: What the engine was given.
        lenses: What the engine took every shot's lens for; empty where it knows of none.
    """
    return Capture(tuple(starmap(_used_shot, zip_longest(capture.shots, lenses))))


def _used_shot(shot: Shot[Photo], lens: Lens | None) -> Shot[UsedPhoto]:
    painted = hashlib.sha256(shot.edits.matte).hexdigest() if shot.edits.matte else ""
    photo = UsedPhoto(shot.photo.name, shot.photo.sha256, painted, lens)
    return replace(shot.with_photo(photo), edits=replace(shot.edits, matte=b""))


def _photo_from(facts: Mapping[str, Any]) -> UsedPhoto:
    lens = facts.get("lens")
    return UsedPhoto(**{**facts, "lens": None if lens is None else Lens(**lens)})
