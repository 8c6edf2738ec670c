"""Clips: video files and image sequences as frames in time."""
