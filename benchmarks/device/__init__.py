"""What `benchmarks/gpu.py` does in one call on one device: checks, speeds, trainings, and their report."""
