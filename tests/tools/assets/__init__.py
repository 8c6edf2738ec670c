"""Builders of the committed data files from the packages that carry their sources (``build.py assets``)."""
