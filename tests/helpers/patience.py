"""How long tests wait, in one place: no test may fail because the machine does a lot else."""

from __future__ import annotations

PATIENCE = 1200.0
"""Seconds that a test waits for something that comes in moments: only a failure takes as long."""
