"""Energies, forces and stresses by the names that a file gives them, and names that only look like theirs."""

import re
import warnings
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tutti.io.frames import Frame
from tutti.io.text import FormatError

KEYS = ("energy", "forces", "stress")
"""What may have a name of its own in a file."""
_SAYING_WHENCE = """
dft pbe b3lyp ccsd cc mp2 hf scf xtb gfn1 gfn2 dftb vasp cp2k orca psi4 aims abinit castep
mace nequip gap ace nep schnet painn ml nn dp pred predicted calc calculated
ref reference target true label labels qm ab initio tot total pot potential ev hartree final
"""
_QUALIFIERS = frozenset(_SAYING_WHENCE.split())
"""Words that say of an energy where it comes from, and not that it is another one."""
_KNOWN_TRIPLES = """
vel velo velocity velocities mom momentum momenta magmom magmoms magnetic moment moments spin spins
dipole dipoles disp displacement displacements mode modes eigenvector eigenvectors unwrapped image images
frac fractional scaled color colour rgb field efield mask position positions pos coord coords shielding
quadrupole normal normals origin charge charges
"""
_OTHER_VECTORS = frozenset(_KNOWN_TRIPLES.split())
"""Words in names of what atoms have besides forces and is of three numbers."""
_FORCES = frozenset({"force", "forces", "f", "frc"})
_GRADIENTS = frozenset({"grad", "gradient", "gradients", "dedr", "dedx"})


@dataclass(frozen=True)
class Labels:
    """Which of a file's values are its labels.

    Attributes:
        keys: the name in the file by what it is, one of `KEYS`; None: it is not to be read.
        read: whether any are.

    Raises:
        ValueError: for another key, and for gradients taken as forces.
    """

    keys: Mapping[str, str | None] = field(default_factory=dict)
    read: bool = True

    def __post_init__(self) -> None:
        if unknown := sorted(map(str, self.keys.keys() - set(KEYS))):
            raise ValueError(f"keys: unknown {', '.join(unknown)}; known are {', '.join(KEYS)}")
        name = self.keys.get("forces")
        if name is not None and _words(name) & _GRADIENTS:
            raise ValueError(
                f"keys: {name} looks like a gradient, of which forces are the negative: turn its sign"
            )

    def wants(self, label: str) -> bool:
        """Whether the label is to be read, where there is one."""
        return self.read and self.keys.get(label, label) is not None

    def name(self, label: str) -> str | None:
        """The name that was given for a label."""
        return self.keys.get(label) if self.read else None

    def names(self, label: str, usual: tuple[str, ...]) -> tuple[str, ...]:
        """Names under which a label may stand: the one given, else the `usual` ones; none if not read."""
        name = self.name(label)
        return () if not self.wants(label) else usual if name is None else (name,)

    def take(self, label: str, values: MutableMapping[str, Any]) -> Any | None:
        """Take a label out of values by name; the one called so goes, too, where another is asked for."""
        own = values.pop(label, None)
        if not self.wants(label):
            return None
        name = self.name(label)
        return own if name in (None, label) else values.pop(name, None)

    def refuse_names(self, path: object) -> None:
        """Raise ValueError where a label has a name although the format has no names to choose from."""
        if named := [f"{label}: {name}" for label, name in self.keys.items() if name is not None]:
            raise ValueError(
                f"{path}: files of this kind have no names to choose from, but keys say {named[0]}"
            )


def check_names(frames: Sequence[Frame], labels: Labels) -> None:
    """Look whether labels are where they are expected, and not elsewhere.

    Raises:
        FormatError: where a name that was given is in no structure, or something looks like energies or
            forces, is not called so, and nothing else is.
    """
    if not labels.read:
        return
    for label in ("energy", "forces"):
        if labels.name(label) is not None and all(getattr(frame, label) is None for frame in frames):
            raise FormatError(frames[0].where(), f"'{labels.name(label)}', as keys say", _known(frames[0]))
    found, where = _suspects(frames)
    found = {label: names for label, names in found.items() if names and label not in labels.keys}
    lost = [label for label in found if all(getattr(frame, label) is None for frame in frames)]
    if lost:
        raise _refusal(found, lost, labels, where)
    beside = [name for label, names in found.items() for name in names if _is_named_so(label, name)]
    if beside:
        names, verb = ", ".join(beside), "is" if len(beside) == 1 else "are"
        hint = f"{verb} not read beside {' and '.join(found)}; to read that instead, {_hint(_first(found))}"
        warnings.warn(f"{where}: {names} {hint}", stacklevel=3)


def _refusal(found: Mapping[str, list[str]], lost: Sequence[str], labels: Labels, where: str) -> FormatError:
    names = [name for names in found.values() for name in names]
    gradients = [name for name in names if _words(name) & _GRADIENTS]
    hint = f"to read {'it' if len(names) == 1 else 'them'}, {_hint({**labels.keys, **_first(found)})}"
    if gradients:
        hint = f"forces are the negative of {gradients[0]}, write them with the other sign"
    without = _hint({**labels.keys, **dict.fromkeys(lost)})
    expected = f"{' and '.join(lost)} under {'this name' if len(lost) == 1 else 'these names'}"
    return FormatError(where, expected, f"{', '.join(names)}: {hint}; to go without, {without}")


def _first(found: Mapping[str, list[str]]) -> dict[str, str | None]:
    return {label: names[0] for label, names in found.items()}


def _hint(keys: Mapping[str, str | None]) -> str:
    return "keys: {" + ", ".join(f"{label}: {name or 'null'}" for label, name in keys.items()) + "}"


def _known(frame: Frame) -> str:
    names = [*frame.info, *frame.scalars, *frame.vectors]
    return f"only {', '.join(names)}" if names else "no other names"


def _suspects(frames: Iterable[Frame]) -> tuple[dict[str, list[str]], str]:
    """Names that look like those of labels, the likeliest first, and the place of the first one."""
    layouts: dict[tuple, Frame] = {}
    for frame in frames:
        layouts.setdefault((tuple(frame.info), frame.scalars, frame.vectors), frame)
    found: dict[str, list[str]] = {"energy": [], "forces": []}
    where = ""
    for frame in layouts.values():
        energies = [name for name in frame.info if _is_energy(name) and _is_number(frame.info[name])]
        energies += [name for name in frame.scalars if _is_energy(name) or name == "E"]
        if len(energies) > 1 or any("energy" in _words(name) for name in frame.info if name not in energies):
            energies = [name for name in energies if name != "free_energy"]
        forces = [
            name
            for name in frame.vectors
            if not _words(name) & _OTHER_VECTORS or _is_named_so("forces", name)
        ]
        found["energy"] += energies
        found["forces"] += forces
        where = where or (frame.where() if energies or forces else "")
    return {label: sorted(dict.fromkeys(names), key=_likely) for label, names in found.items()}, where


def _likely(name: str) -> bool:
    return not _words(name) & {"ref", "reference", "dft", "target", "force", "forces"}


def _is_energy(name: str) -> bool:
    words = _words(name)
    if name == "free_energy":
        return True
    total = "etot" in words or ("e" in words and words & {"tot", "total"})
    rest = words - {"energy", "energies", "e", "etot"} - _QUALIFIERS
    return bool(total or words & {"energy", "energies"}) and not rest


def _is_named_so(label: str, name: str) -> bool:
    """Whether a name says that it is this label, of wherever it comes."""
    return name != "free_energy" if label == "energy" else bool(_words(name) & (_FORCES | _GRADIENTS))


def _words(name: str) -> frozenset[str]:
    """The words in a name: REF_energy, TotalEnergy and `dft-energies` have two each."""
    parts = re.findall(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+", name)
    return frozenset(part.lower() for part in parts)


def _is_number(value: object) -> bool:
    try:
        float(np.asarray(value).item())
    except (TypeError, ValueError):
        return False
    return True
