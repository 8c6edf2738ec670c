"""Errors of ours as reports in Blender's status bar."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from ..core.errors import FaceLiftError


def reported(execute: Callable) -> Callable:
    """Wrap an operator's method: an expected error becomes a report, and the operator is cancelled."""

    @wraps(execute)
    def wrapper(self, context) -> set[str]:
        try:
            return execute(self, context)
        except FaceLiftError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}

    return wrapper
