"""Vectors, rotations, neighbours in space, ramps, and how far a camera must stand."""
