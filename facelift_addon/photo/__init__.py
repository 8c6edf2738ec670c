"""The chosen photo: files, crop, matte and lens."""
