"""The avatar: a head mesh fitted to the splats, and all that builds on it."""

from . import expressions, fitting, panel, rigging

CLASSES = (*fitting.CLASSES, *panel.CLASSES, *expressions.CLASSES, *rigging.CLASSES)


def register() -> None:
    """What is more than classes."""
    expressions.register()


def unregister() -> None:
    """Take it out again."""
    expressions.unregister()
