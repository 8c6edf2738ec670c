"""The FaceLift engine's setup inside Blender: one flow, its buttons, and how it is drawn.

What the steps are and what follows from what is decided in :mod:`core.runtime.setup_flow`.
"""
