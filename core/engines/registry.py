"""The engines there are. A new engine is one folder and one line here."""

from __future__ import annotations

from importlib import import_module

from ..errors import EngineUnavailable
from .base import Engine

ENGINES = {
    "draft": (".draft.engine", "DraftEngine"),
    "facelift": (".facelift.engine", "FaceLiftEngine"),
}
"""Engine id to (module, class). Modules are imported when first asked for: torch stays out
of processes that only draft."""


def create_engine(engine_id: str) -> Engine:
    """Return a new engine; importing it loads no model.

    Raises:
        EngineUnavailable: no such engine, or a package that it needs is missing.
    """
    if engine_id not in ENGINES:
        raise EngineUnavailable(f"There is no engine {engine_id!r}.", f"Choose one of {', '.join(ENGINES)}.")
    module, name = ENGINES[engine_id]
    try:
        return getattr(import_module(module, __package__), name)()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == __package__.partition(".")[0]:
            raise  # A module of our own: nothing that could be installed.
        raise EngineUnavailable(
            f"The engine {engine_id!r} needs the Python package {error.name!r}, which is not installed here.",
            "Install its runtime in the preferences, or choose the draft engine.",
        ) from error
