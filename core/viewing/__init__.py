"""What drawing splats on a graphics card needs of numpy: their data as texels, their order, and light."""
