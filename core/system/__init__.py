"""Threads, the terminal, files that are written whole or not at all, pictures, videos, and what failures mean."""
