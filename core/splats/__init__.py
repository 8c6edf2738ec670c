"""What a Gaussian carries besides its ellipsoid: attributes, parts, spherical harmonics."""
