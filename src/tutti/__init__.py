"""Tutti: a reproducible benchmark of 3D-molecule generators and neural force fields."""
