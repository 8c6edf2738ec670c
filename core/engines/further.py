"""Preparing a further photo of a person: as a portrait where it shows a face, else by the head's outline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import PhotoError
from ..photo.decode import Photo
from ..photo.edits import Crop
from ..photo.sides import FACELESS, SIDES, WITHOUT_FACE
from ..photo.types import PreparedPhoto
from ..progress import CROP, Reporter
from ..system.pictures import png_bytes
from .base import Engine
from .capture import Capture


def prepare_further(
    engine: Engine, capture: Capture[Photo], settings: Mapping[str, Any], reporter: Reporter
) -> PreparedPhoto:
    """Prepare a photo that is to show more of a person than the portrait does.

    Args:
        engine: Prepares photos with a face.
        capture: The photo alone.
        settings: The engine's.
        reporter: As for :meth:`~core.engines.base.Engine.prepare`.

    Returns:
        The prepared photo; all of it where nobody was found, for the user to say where the head is.

    Raises:
        PhotoError: as :meth:`~core.engines.base.Engine.prepare`.
        SettingsError, Cancelled: as there.
    """
    # With what it needs of scipy it takes most of a second to load: workers would start so much later.
    from ..placing.sightings import see, see_whole

    shot = capture.portrait
    preparing, looking = reporter.parts(1, 1)
    if shot.options.side not in FACELESS:
        try:
            return engine.prepare(capture, settings, preparing)
        except PhotoError as error:
            if error.code not in WITHOUT_FACE:
                raise
    looking.stage("Looking for the head")
    found = see(shot, looking)
    sighting = see_whole(shot.photo) if found is None else found
    crop = Crop.of_alignment(sighting.alignment)
    reporter.preview(CROP, png_bytes(sighting.alignment.apply(sighting.rgb)))
    return PreparedPhoto(
        aligned=sighting.picture,
        faces=(),
        face=0,
        crop=(crop.x, crop.y, crop.size),
        rgb=sighting.rgb,
        matte=sighting.matte,
        side=sighting.side if sighting.side in SIDES else "",
        has_face=sighting.landmarks is not None,
        has_person=found is not None,
    )
