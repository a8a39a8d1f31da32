"""Models and how they are trained: the contract in `base`, generators, force fields."""
