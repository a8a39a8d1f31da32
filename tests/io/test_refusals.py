"""Files of kinds that are not read: the reason and a way out, at once."""

import pickle
import subprocess
import sys
import time

import pytest

from tutti import io
from tutti.io import FormatError, refusals
from tutti.io.samples import read_samples


class Bomb:
    """Ends the test when it is unpickled."""

    def __reduce__(self):
        return (sys.exit, ("unpickled",))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("x.pkl", "a pickle, which can run any code when it is opened.*numpy.savez"),
        ("gen.mol_dict", "a pickle.*\n.*\n.*ase.io.write"),
        ("x.p", "a pickle"),
        ("x.smi", "no 3D positions in SMILES or a table"),
        ("smiles.CSV", "no 3D positions"),
        ("x.xsf", "convert it: ase convert x.xsf x.extxyz$"),
        ("x.gro", "look at the elements: ase convert x.gro x.extxyz$"),
        ("my x.gro", "ase convert 'my x.gro' 'my x'.extxyz$"),
        ("x.cml", "convert it: obabel x.cml -O x.sdf$"),
        ("x.lammpstrj", "LAMMPS dump.*\n.*ase convert -i lammps-dump-text x.lammpstrj x.extxyz$"),
        ("x.npy", r"numpy.savez\('samples.npz', positions=x"),
        ("x.xtc", "a trajectory without its elements"),
    ],
)
def test_the_reason_and_a_way_out(tmp_path, name, found):
    (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
    for read in (io.check, io.read, lambda path: read_samples([path])):
        with pytest.raises(FormatError, match=f"(?s){name}: expected a format that is read, found .*{found}"):
            read(tmp_path / name)


def test_no_kind_is_both_read_and_refused():
    assert not refusals.REASONS.keys() & io.SUFFIXES.keys()
    for suffix in refusals.REASONS:
        assert io.module_of(io.Path(f"x{suffix}")) is None, suffix


def test_in_under_a_second_and_without_the_large_libraries(tmp_path):
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(Bomb()))
    code = (
        "import sys\nfrom tutti.io import FormatError, read\n"
        f"try: read({str(tmp_path / 'x.pkl')!r})\nexcept FormatError: pass\n"
        "else: sys.exit('it was read')\n"
        "loaded = {'torch', 'rdkit', 'pandas'} & sys.modules.keys()\nsys.exit(str(loaded) if loaded else 0)"
    )
    elapsed = []
    for _ in range(3):  # the best of three: other programs run on this machine, too
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        elapsed.append(time.perf_counter() - start)
    assert min(elapsed) < 1
