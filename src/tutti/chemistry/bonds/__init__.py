"""Bond assignment: from elements and positions to bonds, a verdict and its reason.

An assigner is a module here, named by its file; it exports `assign(numbers, positions, known) -> Assignment`.
"""
