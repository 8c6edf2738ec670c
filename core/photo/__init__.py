"""From a photo as people have it to an aligned portrait: decoding, faces, landmarks, matting."""
