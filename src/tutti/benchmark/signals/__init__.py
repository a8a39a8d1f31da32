"""How well densities on the sphere can be written with few spherical harmonics: fits of known targets."""
