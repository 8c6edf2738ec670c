"""Splat sequences: numbered files as frames of one object."""
