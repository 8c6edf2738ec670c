"""The avatar: a head mesh fitted to the splats, and all that builds on it."""

from . import fitting, panel

CLASSES = (*fitting.CLASSES, *panel.CLASSES)
