"""Bond assignment: from elements and positions to bonds, a verdict and its reason.

An assigner is a module here, named by its file; it exports `assign(numbers, positions, known) -> Assignment`,
and `NEEDS_HYDROGENS = False` where samples without hydrogen atoms can be judged too. It calls libraries
inside their `tutti.core.library_calls.Library`, and `assignment.spared` makes a reason of what they raise.
"""
