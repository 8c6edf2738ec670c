"""Heads being made: the session, its tasks and threads, the workers, and the way into the scene."""
