"""Performance capture: a clip moves a head."""
