"""Means, scales and rotations by gradients: the second step of Refine to Photos, where gsplat and a CUDA device are.

:mod:`.shapes` is the way in, and with :mod:`.rasterizer` imports no PyTorch by itself; the others do.
"""
