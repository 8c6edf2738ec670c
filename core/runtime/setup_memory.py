"""What the setup keeps between sessions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from ..system.files import replacing


@dataclass
class Memory:
    """What the disk does not tell by itself.

    Attributes:
        hardware: The last look at the hardware, as :meth:`.probe.Hardware.to_dict` gives it.
        backend: A build chosen by the person; empty for the recommended one.
        use_pip: Install with pip instead of uv, which some virus scanners stop.
        home, wheels, weights: Folders chosen by the person; empty for the usual ones, or none.
        original: Folder of the weights from which the slimmed ones in use were made; empty for none.
        server: Address of the hub's mirror that a person named; empty for the environment's or the hub.
        licence: Consent: "licence", "repository", "revision", "accepted" (time); None for none.
        tested: Runtime and weights of the last self-test that passed, and its facts.
        speed: Bytes a second, measured at the last download, or None.
    """

    hardware: Mapping[str, Any] | None = None
    backend: str = ""
    use_pip: bool = False
    home: str = ""
    wheels: str = ""
    weights: str = ""
    original: str = ""
    server: str = ""
    licence: Mapping[str, str] | None = None
    tested: Mapping[str, Any] | None = None
    speed: float | None = None

    @classmethod
    def read(cls, path: Path) -> Memory:
        """Return a file's contents; what is missing or damaged begins anew."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{field.name: data[field.name] for field in fields(cls) if field.name in data})
        except (OSError, ValueError, TypeError):
            return cls()

    def merged(self, before: Memory, present: Memory) -> Memory:
        """Return what to keep when another Blender may have written meanwhile.

        Args:
            before: What this one read or wrote last.
            present: What the file holds now.

        Returns:
            The present contents with this one's changes.
        """
        changed = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != getattr(before, field.name)
        }
        return replace(present, **changed)

    def write(self, path: Path) -> None:
        """Replace the file.

        Raises:
            FaceLiftError: it can't be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as stream:
            stream.write(json.dumps(asdict(self), indent=1).encode())
