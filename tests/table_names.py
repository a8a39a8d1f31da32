"""What the tables of tests are named by."""

NAMES = {"model": "toy", "dataset": "hand", "seed": 3}
