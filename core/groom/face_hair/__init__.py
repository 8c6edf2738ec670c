"""Hair of the face: brows, lashes and beard, each as curves of its own.

Views of the splats (:mod:`sight`) show brows (:mod:`strip`, :mod:`brow_cover`, :mod:`brows`), how thick lashes are
(:mod:`lashes`), whether there is a beard (:mod:`beard_cover`), how long it is (:mod:`beard_length`) and how it lies
(:mod:`beard`); :mod:`grow` puts hairs onto the base mesh.
"""
