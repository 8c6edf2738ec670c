"""Remembers which files were hashed, so that gigabytes are not read again while nothing changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import FaceLiftError
from ..system.files import replacing
from .places import user_cache


class HashRecord:
    """Hashes by file, valid while size and time of change stay the same.

    Args:
        path: JSON file that keeps them between processes; None remembers in this process only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._entries: dict[str, dict[str, Any]] = {}
        try:
            entries = json.loads(path.read_text(encoding="utf-8")) if path else {}
            self._entries = entries if isinstance(entries, dict) else {}
        except (OSError, ValueError):
            return

    @classmethod
    def of_user(cls) -> HashRecord:
        """Return the record in the user's cache."""
        return cls(user_cache() / "verified.json")

    def sha256(self, path: Path) -> str | None:
        """Return the remembered hash of an unchanged file, or None."""
        entry = self._entries.get(str(path.resolve()))
        return entry["sha256"] if entry and entry.get("state") == self._state(path) else None

    def remember(self, path: Path, sha256: str) -> None:
        """Keep a hash; a record that can't be written only costs hashing again."""
        self._entries[str(path.resolve())] = {"state": self._state(path), "sha256": sha256}
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self._path) as stream:
                stream.write(json.dumps(self._entries, indent=1).encode())
        except (OSError, FaceLiftError):
            return

    @staticmethod
    def _state(path: Path) -> list[int]:
        status = path.stat()
        return [status.st_size, status.st_mtime_ns]
