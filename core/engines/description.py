"""What interfaces know of an engine without starting it: its name, what it takes, what it needs, its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

from ..errors import EngineUnavailable, SettingsError
from .capture import Capture
from .settings import Setting, describe, read
from .shot_options import LENS_OPTIONS, SIDE_OPTIONS, ShotOptions


@dataclass(frozen=True)
class Takes:
    """What an engine can make heads from.

    Attributes:
        shots: Most photos of one person.
        video: Whether a film of a person will do.
        lens: Whether it makes use of a photo's lens; otherwise it takes the same one for all.
        lens_alone: Whether it does so with a single photo, too.
    """

    shots: int = 1
    video: bool = False
    lens: bool = False
    lens_alone: bool = True

    def lens_counts(self, shots: int) -> bool:
        """Return whether it makes use of the lens of so many photos."""
        return self.lens and (self.lens_alone or shots > 1)

    def check(self, capture: Capture[Any]) -> None:
        """Refuse what the engine can't take.

        Raises:
            SettingsError: there are too many photos.
        """
        if len(capture.shots) > self.shots:
            raise SettingsError(
                f"{len(capture.shots)} photos were given, and this engine makes a head from at most {self.shots}.",
                "Choose fewer photos, or another engine.",
            )


def lacking(label: str, package: str) -> EngineUnavailable:
    """Return the error that a Python package is not installed which the engine with a label needs."""
    return EngineUnavailable(
        f"The {label} engine needs the Python package {package!r}, which is not installed here.",
        "Install its runtime in the preferences, or choose another engine.",
        code="no-runtime",
    )


@dataclass(frozen=True)
class Description:
    """An engine as interfaces see it. Importing one must be cheap: Blender does it when it starts.

    Attributes:
        id: Stable identifier, also the name of the engine's folder.
        label: Name shown to the user.
        doc: One sentence on what it does and its limits, without a full stop: it is a tooltip.
        licence: Licence of its results' source ("CC0 / Apache-2.0", "Adobe Research License").
        settings_type: The dataclass of its settings, fields declared as in :mod:`.settings`.
        engine: Where the engine is: "module:Class", the module relative to the engine's folder.
        takes: What it makes heads from.
        needs_runtime: Whether it needs the packages and weights that the add-on's setup installs; other engines run in
            Blender's own Python.
        setup: What the setup does with it, for the engine whose packages and weights those are: a module relative to
            the engine's folder, as :class:`~.setup.EngineSetup` says.
    """

    id: str
    label: str
    doc: str
    licence: str
    settings_type: type
    engine: str = ".engine:Engine"
    takes: Takes = Takes()
    needs_runtime: bool = False
    setup: str = ""

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        """Its settings as interfaces draw them."""
        return describe(self.settings_type)

    @cached_property
    def shot_options(self) -> tuple[Setting, ...]:
        """What it uses of :class:`~.shot_options.ShotOptions`."""
        unused = (() if self.takes.lens else LENS_OPTIONS) + (SIDE_OPTIONS if self.takes.shots == 1 else ())
        return tuple(option for option in describe(ShotOptions) if option.name not in unused)

    def read(self, settings: Mapping[str, Any]) -> Any:
        """Return settings as the engine's own dataclass.

        Raises:
            SettingsError: unknown or out-of-range settings.
        """
        return read(self.settings_type, settings)

    def recorded(self, settings: Any) -> dict[str, Any]:
        """Return what :meth:`read` returned as recipes have it: all that decides how a head looks."""
        places = {setting.name for setting in self.settings if setting.place}
        return {name: value for name, value in asdict(settings).items() if name not in places}

    def to_dict(self) -> dict[str, Any]:
        """Return it in JSON form, for interfaces in other processes."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        del plain["settings_type"], plain["engine"], plain["setup"]
        return {**plain, "takes": asdict(self.takes), "settings": [asdict(setting) for setting in self.settings]}
