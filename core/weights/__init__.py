"""The FaceLift weights: which files there are, finding, downloading, verifying and slimming them.

Nothing in here imports torch: whatever needs the models themselves is handed in by the engine.
"""
