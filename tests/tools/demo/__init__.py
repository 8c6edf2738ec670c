"""``build.py demo``: the installed extension without a person."""
