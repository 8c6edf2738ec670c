"""How the threads of native libraries wait for work."""

from __future__ import annotations

import os

WAIT_POLICY = "OMP_WAIT_POLICY"


def wait_passively() -> None:
    """Let OpenMP's idle threads sleep. Call when a process starts, before anything loads torch.

    By default they wait by spinning, thousands of times in one denoising step. On a computer that is
    busy with something else, say with a rendering, they then fight for the processors with the thread
    they wait for: on two busy cores five steps of a tiny model took 53 to 89 seconds instead of 2.5.
    A policy that is set already stays.
    """
    os.environ.setdefault(WAIT_POLICY, "PASSIVE")
