"""Maker of the lock files in ``core/runtime/locks/``: ``build.py lock``."""
