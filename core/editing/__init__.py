"""Editing of splats, without Blender: masks, index arrays and new Gaussians.

Functions that choose return boolean masks [N]. Functions that remove or add Gaussians return
an :class:`~core.editing.edit.Edit`, which says which row of the input every row of the
result came from, so that data that travels beside the Gaussians can follow.
"""
