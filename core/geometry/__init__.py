"""Vectors, rotations and neighbours in space."""
