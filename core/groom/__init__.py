"""Hair that an artist can groom: curves with roots on a base mesh, found in a head's splats.

* ``curves``: :class:`HairCurves`, hair as curves; ``groom``: :class:`Groom`, all of a head's hair.
* ``roots``: places on a base mesh where curves grow.

Frames and units are those of the head that is groomed: the local space of its splats and base mesh. numpy and scipy
only.
"""
