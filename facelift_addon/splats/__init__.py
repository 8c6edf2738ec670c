"""Splats in Blender: Gaussians <-> point clouds, their display, material and cameras."""
