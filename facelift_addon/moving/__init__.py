"""Moving heads: a clip becomes a head a frame, played as one object."""
