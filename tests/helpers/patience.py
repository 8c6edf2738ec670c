"""How long tests wait, in one place: no test may fail because the machine does a lot else."""

from __future__ import annotations

import time

import psutil

PATIENCE = 1200.0
"""Seconds that a test waits for something that comes in moments: only a failure takes as long."""


def wait_until_gone(pid: int) -> None:
    """Wait for a process that may be nobody's child any more, a zombie counting as gone."""
    limit = time.monotonic() + PATIENCE
    while _lives(pid):
        assert time.monotonic() < limit, f"process {pid} is still there"
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
