"""The wrap mesh: the whole silhouette of splats as one closed mesh, with colours and a texture.

:mod:`fusion` finds the surface, :mod:`decimation` brings it to the wanted number of faces,
:mod:`charts` unfolds it, :mod:`colors` paints it; :mod:`wrap` is all of that in order.
"""
