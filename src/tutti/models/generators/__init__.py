"""Generative models of 3D molecules: one module or package each, found by its name."""
