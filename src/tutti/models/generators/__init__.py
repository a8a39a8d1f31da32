"""Generative models of 3D molecules: one module or package each, found by its name."""

BATCH_SIZE = 100
"""Molecules sampled at a time where nothing says how many."""
