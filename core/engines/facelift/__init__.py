"""The FaceLift engine: six-view diffusion and GS-LRM. Only :mod:`.engine` and :mod:`.settings` are free of torch."""
