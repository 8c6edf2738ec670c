"""Which side of a head a photo shows, and what may become of it."""

from __future__ import annotations

FRONT, THREE_QUARTER, LEFT, RIGHT, BACK = SIDES = ("front", "three-quarter", "left", "right", "back")
"""From the front, turned to either side, the person's own left or right profile, from behind."""
AUTO = "auto"
"""What nobody said."""
FACELESS = (LEFT, RIGHT, BACK)
"""Sides on which no face need be found."""
WITHOUT_FACE = ("no-face", "face-too-small")
"""Codes of the errors after which a further photo's head is looked for by its outline."""
FRONTAL, SEEN = 20.0, 60.0
"""Degrees by which a face may be turned aside to be seen from the front, and with both its eyes."""


def side_of(yaw: float) -> str:
    """Return the side that a found face shows.

    Args:
        yaw: Degrees by which it is turned aside, positive to the picture's right: as
            :func:`~core.photo.findings.pose_of` has it.
    """
    if abs(yaw) <= FRONTAL:
        return FRONT
    # Who looks to the picture's right shows the camera the own right side.
    return THREE_QUARTER if abs(yaw) <= SEEN else RIGHT if yaw > 0 else LEFT


PLACED, HELP, LEFT_OUT = STATES = ("placed", "help", "left-out")
"""The head shows what the photo shows; where its camera stood is a guess, and the user must help; it was not used."""
