"""Splats that match photos: colours and opacities by least squares through the rasterizer's weights, and splitting."""
