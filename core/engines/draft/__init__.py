"""The draft engine: a head from one photo without any download, on the CPU."""
