"""Hair as cards for game engines: ribbons with a picture of hair on them, and a cap under them, made of hair curves.

``making.cards_of(curves, triangles, atlas_size, base)`` does everything. Its steps:

* ``clusters``: curves that run alike become one card each.
* ``ribbons``: a ribbon along each cluster's mean, as wide as it, facing outwards.
* ``layout``, ``cells``: which cards share a picture, and where in the atlas that is.
* ``strokes``, ``painting``: the pictures: hairs drawn in the card's own plane; colour, opacity and normals.
* ``cap``: the scalp under the cards, so that no skin shows between them.
* ``cards``: :class:`Cards`, what comes out.
"""
