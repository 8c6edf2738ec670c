"""Splats in Blender: as data, how they are shown, and how they stand in a scene."""
