"""Estimates with their intervals: proportions, bootstraps, blocks, errors."""
