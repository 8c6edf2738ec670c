"""Hair of the face: brows, lashes and beard, each as curves of its own.

Views of the splats (:mod:`sight`) show brows (:mod:`strip`, :mod:`brow_cover`, :mod:`brows`) and how thick lashes are
(:mod:`lashes`); :mod:`grow` puts hairs onto the base mesh.
"""
