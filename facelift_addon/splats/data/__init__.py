"""Gaussians as the data of Blender objects: attributes, what a head carries, and files."""
