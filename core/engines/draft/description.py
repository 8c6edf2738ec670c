"""The draft engine as interfaces see it."""

from __future__ import annotations

from ..description import Description, Takes
from .settings import DraftSettings

DESCRIPTION = Description(
    id="draft",
    label="Draft",
    doc="Fits a head model to the photo in seconds, on any computer, with nothing to download",
    licence="CC0 / Apache-2.0",
    settings_type=DraftSettings,
    engine=".engine:DraftEngine",
    takes=Takes(lens=True),
)
