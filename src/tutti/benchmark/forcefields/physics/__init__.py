"""What every force field should have, whatever it was trained on: one idea per module.

`probe` asks a calculator and writes what it says as `curves`; `rows` makes numbers of these and of
trajectories.
"""
