"""``python -m core``: its commands (heads, conversion, weights), and the files that they make."""
