"""Metrics: pure functions from the per-molecule verdicts to tidy tables."""
