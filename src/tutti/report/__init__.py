"""The report of a run, and the provenance of its files."""
