"""Where the cameras of several photos of one person stood: placed by themselves, or by pins."""

from .place import place_shots
from .types import HELP, LEFT_OUT, PLACED, STATES, PlacedShot, Shot

__all__ = ["HELP", "LEFT_OUT", "PLACED", "STATES", "PlacedShot", "Shot", "place_shots"]
