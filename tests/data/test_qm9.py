"""QM9 from archives of its own format, made here of its first molecules and served on this machine."""

import hashlib
import io
import tarfile

import numpy as np
import pytest

from tutti.core.structures import Structures
from tutti.data import qm9
from tutti.data.download import DownloadError
from tutti.io import FormatError

HARTREE = 27.21138602  # eV, CODATA 2014

# The first five molecules of QM9; acetylene's coordinates are written with the `*^` that QM9 has elsewhere.
MOLECULES = {
    1: """5
gdb 1	157.7118	157.70997	157.70699	0.	13.21	-0.3877	0.1171	0.5048	35.3641	\
0.044749	-40.47893	-40.476062	-40.475117	-40.498597	6.469
C	-0.0126981359	 1.0858041578	 0.0080009958	-0.535689
H	 0.002150416	-0.0060313176	 0.0019761204	 0.133921
H	 1.0117308433	 1.4637511618	 0.0002765748	 0.133922
H	-0.540815069	 1.4475266138	-0.8766437152	 0.133923
H	-0.5238136345	 1.4379326443	 0.9063972942	 0.133923
1341.307	1341.3284	1341.365	1562.6731	1562.7453	3038.3205	3151.6034	3151.6788	3151.7078
C	C
InChI=1S/CH4/h1H4	InChI=1S/CH4/h1H4
""",
    2: """4
gdb 2	293.60975	293.54111	191.39397	1.6256	9.46	-0.257	0.0829	0.3399	26.1563	\
0.034358	-56.525887	-56.523026	-56.522082	-56.544961	6.316
N	-0.0404260543	 1.0241077531	 0.0625637998	-0.707143
H	 0.0172574639	 0.0125452063	-0.0273771593	 0.235712
H	 0.9157893661	 1.3587451948	-0.0287577581	 0.235712
H	-0.5202777357	 1.3435321258	-0.7755426124	 0.235712
1103.8733	1684.1158	1684.3072	3458.7145	3597.4806	3597.5207
N	N
InChI=1S/H3N/h1H3	InChI=1S/H3N/h1H3
""",
    3: """3
gdb 3	799.58812	437.90386	282.94545	1.8511	6.31	-0.2928	0.0687	0.3615	19.0002	\
0.021375	-76.404702	-76.401867	-76.400922	-76.422349	6.002
O	-0.0343604951	 0.9775395708	 0.0076015923	-0.589706
H	 0.0647664923	 0.0205721989	 0.0015346341	 0.294853
H	 0.8717903737	 1.3007924048	 0.0006931336	 0.294853
1671.4222	3803.6305	3907.698
O	O
InChI=1S/H2O/h1H2	InChI=1S/H2O/h1H2
""",
    4: """4
gdb 4	0.	35.6100361	35.6100361	0.	16.28	-0.2845	0.0506	0.3351	59.5248	\
0.026841	-77.308427	-77.305527	-77.304583	-77.327429	8.574
C	 0.5995394918	 0.	 1.5*^-6	-0.207019
C	-0.5995394918	 0.	 1.*^0	-0.207019
H	-1.6616385861	 0.	 1.	 0.207019
H	 1.6616385861	 0.	-2.5*^-1	 0.207019
549.7648	549.7648	795.2713	795.2713	2078.1639	3419.3358	3523.3334
C#C	C#C
InChI=1S/C2H2/c1-2/h1-2H	InChI=1S/C2H2/c1-2/h1-2H
""",
    5: """3
gdb 5	0.	44.593883	44.593883	2.8937	12.99	-0.3604	0.0191	0.3796	48.7476	\
0.016601	-93.411888	-93.40937	-93.408425	-93.431246	6.278
C	-0.0133239314	 1.1324657151	 0.0082758861	 0.073967
N	 0.0023107217	-0.0191585307	 0.0019287461	-0.303617
H	-0.027802683	 2.1989491036	 0.0141537725	 0.22965
799.0101	799.0101	2198.4393	3490.3686
C#N	C#N
InChI=1S/CHN/c1-2/h1H	InChI=1S/CHN/c1-2/h1H
""",
}

RULE = "=" * 105
# Byte for byte the published file: its known hash is checked on the way.
ATOMREF = f"""
{RULE}
  Ele-    ZPVE         U (0 K)      U (298.15 K)    H (298.15 K)    G (298.15 K)     CV
  ment   Hartree       Hartree        Hartree         Hartree         Hartree        Cal/(Mol Kelvin)
{RULE}
   H     0.000000     -0.500273      -0.498857       -0.497912       -0.510927       2.981
   C     0.000000    -37.846772     -37.845355      -37.844411      -37.861317       2.981
   N     0.000000    -54.583861     -54.582445      -54.581501      -54.598897       2.981
   O     0.000000    -75.064579     -75.063163      -75.062219      -75.079532       2.981
   F     0.000000    -99.718730     -99.717314      -99.716370      -99.733544       2.981
{RULE}
"""


def uncharacterized(*indices):
    header = [RULE, "3054 molecules", *["header"] * 6, RULE]
    return "\n".join([*header, *(f"{i:>6}  C#N  InChI=1S/x  InChI=1S/y" for i in indices), RULE, ""])


def sdf_record(index):
    """V2000 record of a molecule, with the four decimals of gdb9.sdf."""
    count, _, *lines = MOLECULES[index].replace("*^", "e").splitlines()
    cells = [line.split() for line in lines[: int(count)]]
    atoms = [f"{float(x):10.4f}{float(y):10.4f}{float(z):10.4f} {s:<3} 0  0" for s, x, y, z, _ in cells]
    title = [
        f"gdb_{index}",
        "  -OEChem-03231823243D",
        "",
        f"{len(atoms):3d}  0  0  0  0  0  0  0  0  0999 V2000",
    ]
    return "\n".join([*title, *atoms, "M  END", "$$$$", ""])


def csv_table(indices):
    names = "mol_id,A,B,C,mu,alpha,homo,lumo,gap,r2,zpve,u0,u298,h298,g298,cv"
    rows = [f"gdb_{i},{','.join(MOLECULES[i].splitlines()[1].split()[2:])},-1,-2,-3,-4" for i in indices]
    return "\n".join([names + ",u0_atom,u298_atom,h298_atom,g298_atom", *rows, ""])


class Mirror:
    """A folder that a local server serves, and the configuration that points at it."""

    def __init__(self, folder, address):
        self.folder, self.address, self.hashes = folder, address, {}
        self.put(qm9.ATOMREF, ATOMREF.encode(), known=True)
        self.put(qm9.UNCHARACTERIZED, uncharacterized(2, 5).encode())
        # Not in the order of the indices.
        self.put_tar(qm9.ARCHIVE, {f"dsgdb9nsd_{i:06d}.xyz": MOLECULES[i] for i in (3, 1, 2, 5, 4)})
        files = {"gdb9.sdf": "".join(map(sdf_record, MOLECULES)), "gdb9.sdf.csv": csv_table(MOLECULES)}
        self.put_tar(qm9.DEEPCHEM, files)

    def put(self, name, contents, known=False):
        (self.folder / name).write_bytes(contents)
        if not known:
            self.hashes[name] = "sha256:" + hashlib.sha256(contents).hexdigest()

    def put_tar(self, name, files):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode=f"w:{name.rpartition('.')[2]}") as tar:
            for member, text in files.items():
                entry = tarfile.TarInfo(member)
                entry.size = len(text.encode())
                tar.addfile(entry, io.BytesIO(text.encode()))
        self.put(name, buffer.getvalue())

    def config(self, **options):
        urls = {name: (f"{self.address}/{name}",) for name in qm9.SOURCES}
        return qm9.Config(**{"urls": urls, "hashes": self.hashes, "expected_molecules": 3} | options)


@pytest.fixture
def mirror(served):
    return Mirror(*served)


def made(mirror, tmp_path, **options):
    path = tmp_path / "qm9.npz"
    qm9.make(mirror.config(**options), path, tmp_path / "work", jobs=1)
    return Structures.load(path)


def test_the_listed_molecules_are_left_out_by_their_index_from_1(mirror, tmp_path):
    structures = made(mirror, tmp_path)
    assert structures.columns["id"].tolist() == ["gdb_000001", "gdb_000003", "gdb_000004"]
    assert structures.columns["smiles"].tolist() == ["C", "O", "C#C"]
    assert structures.n_atoms.tolist() == [5, 3, 4]
    assert "gdb" not in structures.columns


def test_methane_by_hand(mirror, tmp_path):
    structures = made(mirror, tmp_path)
    numbers, positions = structures.frame(0)
    assert numbers.tolist() == [6, 1, 1, 1, 1]
    np.testing.assert_array_equal(positions[0], [-0.0126981359, 1.0858041578, 0.0080009958])
    expected = {
        "U0": (-40.47893 * HARTREE, "eV"),
        "U0_atom": ((-40.47893 + 37.846772 + 4 * 0.500273) * HARTREE, "eV"),
        "U_atom": ((-40.476062 + 37.845355 + 4 * 0.498857) * HARTREE, "eV"),
        "H_atom": ((-40.475117 + 37.844411 + 4 * 0.497912) * HARTREE, "eV"),
        "G_atom": ((-40.498597 + 37.861317 + 4 * 0.510927) * HARTREE, "eV"),
        "homo": (-0.3877 * HARTREE, "eV"),
        "lumo": (0.1171 * HARTREE, "eV"),
        "gap": (0.5048 * HARTREE, "eV"),
        "zpve": (0.044749 * HARTREE, "eV"),
        "A": (157.7118, "GHz"),
        "mu": (0.0, "D"),
        "alpha": (13.21, "bohr³"),
        "r2": (35.3641, "bohr²"),
        "Cv": (6.469, "cal/mol/K"),
    }
    for name, (value, unit) in expected.items():
        assert structures.columns[name][0] == pytest.approx(value, rel=1e-7, abs=1e-12), name
        assert structures.units[name] == unit, name
    # DeepChem's gdb9.sdf.csv has them in kcal/mol, made with 627.509 kcal/mol per Hartree.
    published = {"U0": -395.999594594, "U": -398.643290011, "H": -401.014646522, "G": -372.471772148}
    for name, value in published.items():
        assert structures.columns[f"{name}_atom"][0] / HARTREE * 627.509 == pytest.approx(value, rel=1e-8)


def test_exponents_written_with_a_caret(mirror, tmp_path):
    _, positions = made(mirror, tmp_path).frame(2)
    assert positions[:, 2].tolist() == [1.5e-6, 1.0, 1.0, -0.25]


def test_deepchem_gives_the_same_but_for_rounding_and_smiles(mirror, tmp_path):
    reference = made(mirror, tmp_path)
    structures = made(mirror, tmp_path, source="deepchem")
    assert structures.columns["id"].tolist() == reference.columns["id"].tolist()
    assert structures.numbers.tolist() == reference.numbers.tolist()
    np.testing.assert_allclose(structures.positions, reference.positions, atol=5.1e-5)
    assert set(reference.columns) - set(structures.columns) == {"smiles", "smiles_relaxed"}
    for name in set(structures.columns) - {"id"}:
        np.testing.assert_allclose(structures.columns[name], reference.columns[name], rtol=1e-12)
        assert structures.units[name] == reference.units[name]


def test_same_bytes_twice_and_the_source_is_named(mirror, tmp_path):
    first = made(mirror, tmp_path)
    contents = (tmp_path / "qm9.npz").read_bytes()
    assert made(mirror, tmp_path).digest == first.digest
    assert (tmp_path / "qm9.npz").read_bytes() == contents
    assert mirror.hashes[qm9.ARCHIVE] in first.source


def test_a_molecule_too_few_is_noticed(mirror, tmp_path):
    with pytest.raises(ValueError, match="3 molecules after the filter, expected 130831"):
        made(mirror, tmp_path, expected_molecules=130_831)
    assert not (tmp_path / "qm9.npz").exists()
    assert len(made(mirror, tmp_path, expected_molecules=None)) == 3


@pytest.mark.parametrize("index", [0, 6])
def test_an_index_that_does_not_exist_is_no_index_from_1(mirror, tmp_path, index):
    mirror.put(qm9.UNCHARACTERIZED, uncharacterized(2, index).encode())
    with pytest.raises(ValueError, match=rf"lists gdb \[{index}\]"):
        made(mirror, tmp_path)


def test_a_malformed_list_names_file_and_line(mirror, tmp_path):
    text = uncharacterized(2, 5).replace("     5  C#N", "    -5  C#N")
    mirror.put(qm9.UNCHARACTERIZED, text.encode())
    with pytest.raises(FormatError, match=r"uncharacterized\.txt:11: expected a line that starts with"):
        made(mirror, tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [("   O     0.000000 ", "   O     ", r"atomref\.txt:9: "), ("   O  ", "   X  ", r"atomic numbers \[8\]")],
)
def test_malformed_atomic_energies(mirror, tmp_path, old, new, message):
    mirror.put(qm9.ATOMREF, ATOMREF.replace(old, new).encode())
    with pytest.raises(ValueError, match=message):
        made(mirror, tmp_path)


def test_a_malformed_molecule_names_archive_file_and_line(mirror, tmp_path):
    files = {"dsgdb9nsd_000001.xyz": MOLECULES[1].replace("-0.540815069", "nonsense")}
    mirror.put_tar(qm9.ARCHIVE, files)
    with pytest.raises(FormatError, match=r"tar\.bz2:dsgdb9nsd_000001\.xyz:6: .*nonsense"):
        made(mirror, tmp_path)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.xyz": MOLECULES[2], "b.xyz": MOLECULES[5], "c.xyz": MOLECULES[5]}, "occurs twice"),
        ({"readme.txt": "nothing"}, r"holds no file named \*\.xyz"),
    ],
)
def test_a_wrong_archive(mirror, tmp_path, files, message):
    mirror.put_tar(qm9.ARCHIVE, files)
    with pytest.raises(ValueError, match=message):
        made(mirror, tmp_path)


def test_the_public_hashes_are_demanded(mirror, tmp_path):
    for name in (qm9.UNCHARACTERIZED, qm9.ARCHIVE, qm9.DEEPCHEM):
        hashes = {other: known for other, known in mirror.hashes.items() if other != name}
        source = "deepchem" if name == qm9.DEEPCHEM else "figshare"
        with pytest.raises(DownloadError) as caught:
            made(mirror, tmp_path / name, hashes=hashes, source=source)
        assert qm9.SOURCES[name].hash in str(caught.value)
        assert mirror.hashes[name] in str(caught.value) or qm9.SOURCES[name].hash.startswith("md5:")


def test_unknown_file_names_in_the_configuration():
    with pytest.raises(ValueError, match=r"no file named qm9\.zip; known are dsgdb9nsd"):
        qm9.Config(urls={"qm9.zip": ("http://127.0.0.1:1/",)})


def test_real_geometries(mirror, tmp_path, shared_data):
    """The first molecules of QM9 as others have stored them, with eight decimals."""
    lines = (shared_data / "qm9_first339.xyz").read_text().splitlines()
    made_numbers, made_positions = made(mirror, tmp_path).frame(0)
    rows = [line.split() for line in lines[2:7]]
    assert [row[0] for row in rows] == ["C", "H", "H", "H", "H"]
    assert made_numbers.tolist() == [6, 1, 1, 1, 1]
    np.testing.assert_allclose(made_positions, np.array([row[1:] for row in rows], float), atol=5.1e-9)
