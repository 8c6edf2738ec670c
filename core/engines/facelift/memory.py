"""Memory: how much is free, recognising that it ran out, and telling how much was missing."""

from __future__ import annotations

import re
from typing import Any

import torch

from ...system.memory import computer_memory
from .errors import OutOfMemoryError

UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
REQUEST = re.compile(r"tried to allocate ([\d.]+) (B|KiB|MiB|GiB|bytes)", re.IGNORECASE)
FREE = re.compile(r"of which ([\d.]+) (B|KiB|MiB|GiB) is free", re.IGNORECASE)
PHRASES = ("out of memory", "can't allocate memory")
"""How torch's devices and the CPU say it."""

PLACES = {"cuda": "graphics card", "mps": "GPU"}
"""Whose memory a device's is, in words; every other's is the computer's."""


def place_of(device: torch.device) -> str:
    """Return whose memory a device's is, in words."""
    return PLACES.get(device.type, "computer")


def free_bytes(device: torch.device) -> int | None:
    """Return the bytes that a device has for more tensors, None where nothing tells."""
    if device.type == "cuda":
        # What PyTorch keeps without using it is free for it.
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + kept
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return computer_memory()[1]


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that a device or the computer has too little memory."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(phrase in str(error) for phrase in PHRASES)


def out_of_memory(error: BaseException, device: torch.device) -> OutOfMemoryError:
    """Return the error for a person, with the missing amount where torch tells it."""
    requested, free = _amount(REQUEST, str(error)), _amount(FREE, str(error))
    details: dict[str, Any] = {"requested": requested, "free": free}
    where = place_of(device)
    message = f"The {where} has too little memory, even with one model at a time."
    # Less than what is free can be refused too: it may lie in pieces, or be granted to somebody else.
    if requested is not None and requested > (free or 0):
        missing = requested - (free or 0)
        details["missing"] = missing
        message = (
            f"The {where} has too little memory, even with one model at a time: {missing / 2**30:.1f} GiB were missing."
        )
    advice = "Close other programs that use it"
    advice += ", or choose the CPU or another engine." if device.type != "cpu" else ", or choose another engine."
    return OutOfMemoryError(message, advice, **{name: value for name, value in details.items() if value is not None})


def _amount(pattern: re.Pattern[str], text: str) -> int | None:
    """Return the bytes that a pattern finds in a message, or None."""
    match = pattern.search(text)
    if match is None:
        return None
    units = {unit.lower(): size for unit, size in UNITS.items()} | {"bytes": 1}
    return int(float(match[1]) * units[match[2].lower()])
