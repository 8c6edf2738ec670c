"""What a thread made enters the scene as one undo step: by an operator, which finds it under a key.

An operator's properties can't hold a mesh or a million splats, and an undo step of its own has only what
an operator does. So whoever made something keeps it here and runs the operator with its key.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Generic, TypeVar

from ...core.errors import FaceLiftError

Made = TypeVar("Made")


class Handover(Generic[Made]):
    """Hands values of one kind to an operator; its property ``made`` takes the key.

    Args:
        what: The value in a sentence ("The base mesh").
        remedy: What to do where it is gone.
        keep: Keep the last value, as the adjust-last-operation panel runs the operator again with other options.
    """

    def __init__(self, what: str, remedy: str, keep: bool = True) -> None:
        self._what, self._remedy, self._keep = what, remedy, keep
        self._kept: dict[str, Made] = {}

    def __bool__(self) -> bool:
        """Whether a value is kept."""
        return bool(self._kept)

    @property
    def key(self) -> str:
        """The last value's key; "" where none is kept."""
        return next(iter(self._kept), "")

    def pass_on(self, operator: Callable[..., set[str]], made: Made, **properties: object) -> None:
        """Run an operator on a value, as one undo step.

        Args:
            operator: Of ``bpy.ops``.
            made: The value.
            properties: Further properties of the operator.

        Raises:
            FaceLiftError: the operator failed.
        """
        self._kept = {uuid.uuid4().hex: made}
        try:
            operator("EXEC_DEFAULT", True, made=self.key, **properties)
        except RuntimeError as error:
            raise FaceLiftError(f"{self._what} could not be added: {error}") from error
        finally:
            if not self._keep:
                self.clear()

    def take(self, key: str) -> Made:
        """Return the value of a key.

        Raises:
            FaceLiftError: it was let go ("made-gone").
        """
        if key not in self._kept:
            raise FaceLiftError(f"{self._what} is gone.", self._remedy, code="made-gone")
        return self._kept[key]

    def clear(self) -> None:
        """Let the value go."""
        self._kept = {}
