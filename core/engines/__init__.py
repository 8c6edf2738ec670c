"""Engines turn photos of a person into Gaussians. :mod:`.base` has the protocol, :mod:`.registry` the list."""
