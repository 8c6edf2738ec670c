"""The base mesh's texture, baked from the splats.

Views of the splats are rendered around the head (:mod:`views`) and put onto the texels of the
mesh's UV map (:mod:`texels`) where mesh and splats agree (:mod:`projection`), in two frequency
bands (:mod:`blending`). What no view shows, and what is hair, is filled over the mesh
(:mod:`filling`, with :mod:`skin` and :mod:`eyes`); :mod:`delighting` takes the light off.
"""
