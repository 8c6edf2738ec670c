"""Tests of the project, measurements of it, and the tools of those who work on it. Nothing here ships."""
