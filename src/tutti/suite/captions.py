"""Names and captions of the suite's figures."""

TABLE_FIGURES = {
    "validity": ("validity", "Validity and what follows from it, with 95 % Wilson intervals."),
    "validity_matrix": (
        "validity",
        "Validity by assigner and definition. With several models, small numbers are ranks; arrows mark "
        "those that differ from the first column's.",
    ),
    "against_n": ("against_n", "What depends on the number of molecules scored, against that number."),
    "mmd_bond_length": (
        "mmd_bond_length",
        "Maximum mean discrepancy of bond lengths to the reference, beside what chance alone gives.",
    ),
    "mmd_bispectrum": (
        "mmd_bispectrum",
        "Maximum mean discrepancy of the bispectra of local environments, beside what chance alone gives.",
    ),
    "jsd": (
        "jsd",
        "Jensen-Shannon divergence of frequencies to the reference's, beside what chance alone gives.",
    ),
}
"""(table, caption) by figure."""

SAMPLE_FIGURES = {
    "bond_lengths": "Bond lengths of the reference's ten most frequent bond types.",
    "bispectra": "Bispectra of the reference's two most frequent local environments.",
    "atom_types": "Elements, on a logarithmic scale.",
    "ring_sizes": "Ring sizes, on a logarithmic scale.",
    "atom_counts": "Numbers of atoms.",
    "strain": "Relaxation with GFN2-xTB: energy drop and displacement of the heavy atoms.",
}
"""Caption by figure."""

SHOWN_WITH = {
    "bond_lengths": "mmd_bond_length",
    "bispectra": "mmd_bispectrum",
    "atom_types": "jsd",
    "ring_sizes": "jsd",
    "atom_counts": "validity",
    "strain": "strain",
}
"""Table that each figure of samples belongs to."""

MOST_MODELS = 7
"""Figures of samples show the first so many models: there are no more colours that can be told apart."""
