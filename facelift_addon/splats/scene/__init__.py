"""Heads in their scene: how they arrive, where they stand, cameras, light and render settings."""
