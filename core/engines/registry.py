"""The engines there are. A new engine is one folder and one line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import EngineUnavailable
from .base import Engine
from .description import Description, lacking
from .settings import Setting
from .shot_options import split_options

if TYPE_CHECKING:  # It knows the weights, which most that ask for an engine have no use for.
    from .setup import EngineSetup

ENGINES = [
    "draft",
    "facelift",
]
"""Names of the engines' folders. Each has ``description.py`` with :data:`DESCRIPTION`. Files of Blender know engines by
their place here: add new ones at the end."""


def describe(engine_id: str) -> Description:
    """Return an engine's description; cheap, imports nothing that only the engine needs.

    Raises:
        EngineUnavailable: there is no such engine.
    """
    if engine_id not in ENGINES:
        raise EngineUnavailable(f"There is no engine {engine_id!r}.", f"Choose one of {', '.join(ENGINES)}.")
    return import_module(f".{engine_id}.description", __package__).DESCRIPTION


def descriptions() -> tuple[Description, ...]:
    """Return all engines' descriptions, in their order."""
    return tuple(map(describe, ENGINES))


def first_free() -> Description:
    """Return the first engine that runs without anything to install: what interfaces begin with."""
    return next(engine for engine in descriptions() if not engine.needs_runtime)


def with_setup() -> Description:
    """Return the engine whose packages and weights the setup installs."""
    return next(engine for engine in descriptions() if engine.setup)


def settings_by_name() -> dict[str, Setting]:
    """Return the settings of all engines by name, each as the first engine that has it describes it.

    Raises:
        TypeError: two engines mean different things by one name, or a name is that of a shot's option.
    """
    known: dict[str, Setting] = {}
    for engine in descriptions():
        clash = split_options({setting.name: None for setting in engine.settings})[0]
        if clash:
            raise TypeError(f"the engine {engine.id!r} must take {sorted(clash)} from the photo's options")
        for setting in engine.settings:
            if known.setdefault(setting.name, setting).meaning != setting.meaning:
                raise TypeError(f"the engine {engine.id!r} means something else by {setting.name!r} than others do")
    return known


def create_engine(engine_id: str) -> Engine:
    """Return a new engine; importing it loads no model.

    Raises:
        EngineUnavailable: no such engine, or a package that it needs is missing.
    """
    module, name = describe(engine_id).engine.split(":")
    return getattr(_load(engine_id, module), name)()


def load_setup(engine_id: str) -> EngineSetup:
    """Return what the setup does with an engine whose description names it; importing that takes PyTorch's seconds.

    Raises:
        EngineUnavailable: a package that the engine needs is missing.
    """
    setup: EngineSetup = _load(engine_id, describe(engine_id).setup)
    setup.check_packages()
    return setup


def _load(engine_id: str, module: str) -> Any:
    try:
        return import_module(f".{engine_id}{module}", __package__)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == __package__.partition(".")[0]:
            raise  # A module of our own: nothing that could be installed.
        raise lacking(describe(engine_id).label, error.name or "") from error
