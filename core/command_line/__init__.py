"""``python -m core``: its commands, and the files that they make of heads."""
