"""Hair that an artist can groom: curves with roots on a base mesh, found in a head's splats.

``making.make_groom(gaussians, base, guides, reporter)`` does everything. Its parts:

* ``curves``: :class:`HairCurves`, hair as curves; ``groom``: :class:`Groom`, all of a head's hair.
* ``roots``: places on a base mesh where curves grow.
* ``solve``: the scalp's hair. Which splats are hair (``hairy``), the volume that they fill (``volume``), what they tell
  of its directions (``witnesses``, ``arrows``), the head under it (``ground``), trails along it (``growing``), guides
  all over the head (``guides``) and their colours (``tinting``).

Frames and units are those of the head that is groomed: the local space of its splats and base mesh. numpy and scipy
only.
"""
