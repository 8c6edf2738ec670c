"""Where the cameras of several photos of one person stood: placed by themselves, or by pins."""

from .place import place_shots
from .types import PlacedShot, Shot

__all__ = ["PlacedShot", "Shot", "place_shots"]
