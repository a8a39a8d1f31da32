"""Bond assignment: from elements and positions to bonds, a verdict and its reason.

A module here that exports `assign(numbers, positions) -> Assignment` is an assigner, named by its file.
"""
