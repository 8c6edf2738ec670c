"""From splats to an avatar: the base mesh fitted to a head, its texture, and splats bound to it."""
