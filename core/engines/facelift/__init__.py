"""The FaceLift engine: six-view diffusion and GS-LRM.

What runs without its runtime imports no torch: :mod:`.description`, :mod:`.settings`, :mod:`.engine` and :mod:`.setup`
until they are put to work, and how photos are prepared and parts named.
"""
