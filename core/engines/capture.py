"""What goes into a head: one or more shots of a person, and how each is to be taken.

The same value travels from the interface to the engine. Only what stands for the photo changes on the way: where the
file lies (the add-on), its bytes (the worker's protocol), its pixels (the engine).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Generic, TypeVar

from ..errors import SettingsError
from ..photo.alignment import Alignment
from ..photo.decode import Photo, decode
from ..photo.edits import NO_EDITS, Crop, PhotoEdits
from ..photo.hand_placement import HandPlacement
from ..photo.lens import Lens, lens_of
from .settings import read
from .shot_options import ShotOptions

P = TypeVar("P")
Q = TypeVar("Q")

PORTRAIT, FURTHER = ROLES = ("portrait", "further")
"""What a shot is to its head; the first shot is the portrait."""


@dataclass(frozen=True)
class PhotoFile:
    """A photo as a file's bytes, as it travels to a worker.

    Attributes:
        name: File name without folder.
        data: The file's bytes.
    """

    name: str
    data: bytes = field(repr=False)

    def decoded(self) -> Photo:
        """Return the photo's pixels; errors are those of :func:`~core.photo.decode.decode`."""
        return decode(self.data, self.name)


@dataclass(frozen=True)
class Shot(Generic[P]):
    """One photo, and how it is to be taken.

    Attributes:
        photo: The photo: a place, a file's bytes or pixels.
        options: What was chosen about it.
        edits: The part of it that is taken and what was painted on its matte.
        role: "portrait", whose face, expression and lens the head takes over, or "further", which only shows more of
            the same person.
        placement: Where the user says a further photo's camera stood; None leaves it to be found. A portrait's camera
            is what places are told by: it has none.
    """

    photo: P
    options: ShotOptions = field(default_factory=ShotOptions)
    edits: PhotoEdits = NO_EDITS
    role: str = PORTRAIT
    placement: HandPlacement | None = None

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise SettingsError(f"A photo's role is {self.role!r}.", f"Use one of {', '.join(ROLES)}.")

    def lens(self: Shot[Photo], alignment: Alignment) -> Lens:
        """Return the lens of the aligned picture: as it was chosen, else as the photo tells."""
        chosen = self.options
        return lens_of(alignment, self.photo.focal, chosen.lens, chosen.lens_degrees, chosen.lens_mm)

    def facts(self) -> dict[str, Any]:
        """Return everything but photo and painted matte in JSON form."""
        crop = {} if self.edits.crop is None else {"crop": self.edits.crop.values()}
        placement = {} if self.placement is None else {"placement": self.placement.facts()}
        return {"role": self.role, "options": asdict(self.options), **crop, **placement}

    @classmethod
    def from_facts(cls, photo: P, facts: Mapping[str, Any], matte: bytes = b"") -> Shot[P]:
        """Return the shot of :meth:`facts`.

        Raises:
            PhotoError: the crop is none ("bad-crop"), or the placement ("bad-placement").
            SettingsError: an unknown or out-of-range option, or an unknown role.
        """
        crop = None if facts.get("crop") is None else Crop.read(facts["crop"])
        options = read(ShotOptions, facts.get("options", {}))
        placed = facts.get("placement")
        placement = None if placed is None else HandPlacement.from_facts(placed)
        return cls(photo, options, PhotoEdits(crop, matte), facts.get("role", PORTRAIT), placement)

    def with_photo(self, photo: Q) -> Shot[Q]:
        """Return the same shot with another value standing for its photo."""
        return Shot(photo, self.options, self.edits, self.role, self.placement)


@dataclass(frozen=True)
class Capture(Generic[P]):
    """All shots of a person.

    Attributes:
        shots: At least one; the first is the portrait.
    """

    shots: tuple[Shot[P], ...]

    def __post_init__(self) -> None:
        if [shot.role for shot in self.shots] != [PORTRAIT, *[FURTHER] * (len(self.shots) - 1)]:
            raise SettingsError(
                "A head needs one photo that shows the face, and it must come first.", "Choose a portrait."
            )

    @classmethod
    def of(cls, photo: P, edits: PhotoEdits = NO_EDITS, **options: Any) -> Capture[P]:
        """Return the capture of a single photo.

        Args:
            photo: The photo.
            edits: What was changed of it by hand.
            options: Fields of :class:`ShotOptions`.

        Raises:
            SettingsError: an unknown or out-of-range option.
        """
        return cls((Shot(photo, read(ShotOptions, options), edits),))

    @property
    def portrait(self) -> Shot[P]:
        """The shot whose face, expression and lens the head takes over."""
        return self.shots[0]

    @property
    def photos(self) -> tuple[P, ...]:
        """The photos of all shots."""
        return tuple(shot.photo for shot in self.shots)

    def with_photos(self, photos: Iterable[Q]) -> Capture[Q]:
        """Return the same shots with other values standing for their photos, one for each."""
        return Capture(tuple(shot.with_photo(photo) for shot, photo in zip(self.shots, photos, strict=True)))

    def first(self, count: int) -> Capture[P]:
        """Return the capture with at most so many of its shots, the portrait among them."""
        return Capture(self.shots[:count])

    def with_portrait(self, **changes: Any) -> Capture[P]:
        """Return the capture with other fields of its portrait."""
        return Capture((replace(self.portrait, **changes), *self.shots[1:]))


def as_capture(given: Capture[Photo] | Photo) -> Capture[Photo]:
    """Return what an engine was given as a capture: a photo alone is one shot, taken as it comes."""
    return given if isinstance(given, Capture) else Capture.of(given)
