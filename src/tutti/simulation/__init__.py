"""Molecular dynamics with any ASE calculator, classical and with quantum nuclei, and what it tells."""
