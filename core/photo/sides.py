"""Which side of a head a photo shows."""

from __future__ import annotations

FRONT, THREE_QUARTER, LEFT, RIGHT, BACK = SIDES = ("front", "three-quarter", "left", "right", "back")
"""From the front, turned to either side, the person's own left or right profile, from behind."""
AUTO = "auto"
"""What nobody said."""
FACELESS = (LEFT, RIGHT, BACK)
"""Sides on which no face need be found."""
