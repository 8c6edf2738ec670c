"""Buttons that are greyed out say why: the one way in which operators of ours tell whether they can run."""

from __future__ import annotations

import bpy


class Explained:
    """Mix-in of operators that can't always run. They define :meth:`obstacle`, never ``poll``."""

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """Return what to do first, as a sentence without a full stop; "" where the operator can run."""
        return ""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Nothing may be in the way; what is, becomes the tooltip of the greyed button."""
        reason = cls.obstacle(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason
