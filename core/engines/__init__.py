"""Engines turn a photo into Gaussians. :mod:`.base` has the protocol, :mod:`.registry` the list."""
