"""Files that are not read although people have them: why, and what to make of them."""

from shlex import quote

from tutti.io.text import FormatError

_PICKLE = """\
a pickle, which can run any code when it is opened; open it where you trust it, and save its molecules there:
  numpy.savez("samples.npz", positions=x, numbers=z)   # [n, atoms, 3] in Å; [n, atoms], padded with 0
  or, with ASE: ase.io.write("samples.extxyz", [ase.Atoms(z, x) for z, x in molecules])"""
_FLAT = "no 3D positions in SMILES or a table; give the molecules' geometries, such as xyz or sdf"
_ASE = "a format that ASE reads; convert it: ase convert {name} {stem}.extxyz"
_GUESSED = (
    "no elements but names of atoms, from which ASE guesses; convert it and look at the elements:"
    " ase convert {name} {stem}.extxyz"
)
_BABEL = "a format that Open Babel reads; convert it: obabel {name} -O {stem}.sdf"
_LAMMPS = """\
a LAMMPS dump, whose types are elements only where it has the column element; make it with
  dump_modify ... element ..., and convert it: ase convert -i lammps-dump-text {name} {stem}.extxyz"""
_ARRAYS = (
    "arrays of unknown meaning; save them in Å as numpy.savez('samples.npz', positions=x, numbers=z), of"
    " shapes [n, atoms, 3] and [n, atoms], padded with 0"
)
_POSITIONS = "a trajectory without its elements; convert it with its topology, to pdb by MDAnalysis or VMD"

REASONS = {
    **dict.fromkeys((".pkl", ".pickle", ".p", ".pck", ".pckl", ".dill", ".joblib", ".mol_dict"), _PICKLE),
    **dict.fromkeys((".smi", ".smiles", ".inchi", ".csv", ".tsv", ".parquet"), _FLAT),
    **dict.fromkeys((".xsf", ".cube", ".gen", ".vasp", ".poscar", ".cell", ".com", ".gjf"), _ASE),
    **dict.fromkeys((".cml", ".mmcif", ".mcif", ".pdbqt", ".mop", ".cdx"), _BABEL),
    ".gro": _GUESSED,
    ".lammpstrj": _LAMMPS,
    **dict.fromkeys((".npy", ".h5", ".hdf5", ".lmdb", ".mat"), _ARRAYS),
    **dict.fromkeys((".xtc", ".trr", ".dcd", ".nc"), _POSITIONS),
}
"""What is said of a file by the end of its name."""


def reason(name: str) -> str | None:
    """Why a file of this name is not read; None where there is nothing to say of its kind."""
    suffix = next((s for s in REASONS if name.lower().endswith(s)), None)
    if suffix is None:
        return None
    return REASONS[suffix].format(name=quote(name), stem=quote(name[: -len(suffix)]))


def refusal(where: str, name: str, readable: str) -> FormatError:
    """The error of a file of this name, whose kind is none of the `readable` ones."""
    why = reason(name)
    if why is not None:
        return FormatError(where, "a format that is read", why)
    _, dot, suffix = name.lstrip(".").rpartition(".")
    return FormatError(where, readable, f"'.{suffix}'" if dot else "no suffix")
