"""Performance capture: a face in a clip as head pose, expressions and gaze over time."""
