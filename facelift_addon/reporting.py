"""What people read of errors: ours as reports in Blender's status bar, and others with what to do about them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from ..core.errors import FaceLiftError
from ..core.runtime import advice

REPORT = "Try again; if it stays, report it with what Blender's console says, please."


def explained(error: BaseException) -> FaceLiftError:
    """Return what a person should read for any exception in Blender, whose traceback is in its console."""
    return advice.explained(error, REPORT)


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
