"""Hair as strands, for any engine that has a volume of hair and a picture of it.

``build.build_hair(volume, photos, paint, budget, rng)`` does everything. Its steps:

* ``volume``: :class:`HairVolume` (surface, hairiness, crown, thickness) and :class:`HairPhoto` are what it needs.
* ``directions``, ``waves``, ``look``: what a photo tells of directions, curls, contrasts and tones.
* ``flow``: directions all over the surface; ``grid``: the same in space, ready to be followed.
* ``seeds``, ``tracing``, ``locks``, ``strands``: strands from root to tip.
* ``tones``: their colours; ``splats``, ``backing``: their Gaussians; ``limits``: where these may not be.

World frame and units are those of :mod:`core.gaussians`. numpy and scipy only.
"""
