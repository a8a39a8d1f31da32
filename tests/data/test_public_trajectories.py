"""Public trajectories from archives of their own formats, made here and served on this machine."""

import hashlib
import io
import re
import tarfile

import numpy as np
import pytest
from ase.build import molecule

from public_files import ETHANOL, arrays, ccsdt_zip, extxyz, npz, periodic
from tutti.core.registry import ConfigError, from_dict
from tutti.core.structures import Structures
from tutti.data import li4p2o7, lips, md17, md17_ccsdt, rmd17
from tutti.data.archives import ArchiveError
from tutti.data.download import DownloadError
from tutti.data.splits import SplitConfig, make_splits
from tutti.io import FormatError

KCAL_PER_MOL = 4184 / 6.02214076e23 / 1.602176634e-19  # eV, SI 2019


def made(kind, served, tmp_path, name, contents, **options):
    """What a kind makes of the file `name` with these contents."""
    folder, address = served
    (folder / name).write_bytes(contents)
    config = kind.Config(**{"urls": (f"{address}/{name}",), "expected_frames": None} | options)
    kind.make(config, tmp_path / "out.npz", tmp_path / "work", jobs=1)
    return Structures.load(tmp_path / "out.npz")


def refused(kind, served, tmp_path, name, contents, error, message, **options):
    with pytest.raises(error, match=message):
        made(kind, served, tmp_path, name, contents, **options)
    assert not (tmp_path / "out.npz").exists()


# ---------------------------------------------------------------- MD17


def test_md17_is_in_ev(served, tmp_path):
    contents = arrays(7) | {"name": np.array("ethanol"), "md5": np.array(b"0", dtype=object)}
    structures = made(md17, served, tmp_path, "md17_ethanol.npz", npz(contents), molecule="ethanol")
    assert structures.n_atoms.tolist() == [9] * 7
    assert structures.numbers.tolist() == ETHANOL.numbers.tolist() * 7
    np.testing.assert_array_equal(structures.positions.reshape(7, 9, 3), contents["R"])
    np.testing.assert_allclose(structures.energy, contents["E"][:, 0] * KCAL_PER_MOL, rtol=1e-6)
    np.testing.assert_allclose(structures.forces, contents["F"].reshape(-1, 3) * KCAL_PER_MOL, rtol=1e-6)
    digest = hashlib.sha256((served[0] / "md17_ethanol.npz").read_bytes()).hexdigest()
    assert structures.source == f"MD17, md17_ethanol.npz sha256:{digest}"


@pytest.mark.parametrize("year", [2017, 2018])
def test_both_benzenes(served, tmp_path, year):
    file, _, frames = md17.MOLECULES[f"benzene_{year}"]
    contents = npz(arrays(3, atoms=molecule("C6H6")))
    options = {"molecule": f"benzene_{year}", "hash": "sha256:" + hashlib.sha256(contents).hexdigest()}
    structures = made(md17, served, tmp_path, file, contents, **options)
    assert (len(structures), structures.n_atoms[0]) == (3, 12)
    message = rf"3 frames, expected {frames}"
    (tmp_path / "out.npz").unlink()
    options["expected_frames"] = "published"
    refused(md17, served, tmp_path, file, contents, ValueError, message, **options)


def without(contents, name):
    return {key: value for key, value in contents.items() if key != name}


def with_nan(contents, name, frame):
    contents[name][frame] = np.nan
    return contents


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: without(c, "F"), "no array F"),
        (
            lambda c: c | {"F": c["F"][:, :8]},
            r"F is float64\(5, 8, 3\), expected floats of shape \(5, 9, 3\)",
        ),
        (
            lambda c: c | {"E": c["E"][:4]},
            r"E is float64\(4, 1\), expected .* \(5,\) or \(5, 1\) for 5 frames",
        ),
        (lambda c: c | {"R": c["R"].astype(int)}, r"R is int64\(5, 9, 3\), expected floats"),
        (lambda c: c | {"z": c["z"].astype(float)}, r"z is float64\(9,\), expected n integers"),
        (lambda c: c | {"z": c["z"][::-1] * 0 + 1}, "frame 0 is H9, not C2H6O"),
        (lambda c: arrays(5, atoms=molecule("C6H6")), "frame 0 has 12 atoms, C2H6O has 9"),
        (lambda c: with_nan(c, "F", 3), "forces of frame 3 are not finite"),
        (lambda c: with_nan(c, "E", 4), "energy of frame 4 are not finite"),
        (lambda c: with_nan(c, "R", 0), "positions of frame 0 are not finite"),
        (
            lambda c: {name: c[name] if name == "z" else c[name][:0] for name in c},
            "0 frames, expected at least",
        ),
    ],
)
def test_what_is_wrong_in_md17_is_said(served, tmp_path, change, message):
    contents = npz(change(arrays(5)))
    refused(md17, served, tmp_path, "e.npz", contents, DownloadError, message, molecule="ethanol")
    assert list((tmp_path / "work").iterdir()) == []


def test_a_hash_of_ones_own_is_checked(served, tmp_path):
    contents = npz(arrays(5))
    right = "sha256:" + hashlib.sha256(contents).hexdigest()
    options = {"molecule": "ethanol", "hash": "sha256:" + "0" * 64}
    message = f"are not it: {right[:19]}…, not sha256:000000000000…"
    refused(md17, served, tmp_path, "e.npz", contents, DownloadError, message, **options)
    assert len(made(md17, served, tmp_path, "e.npz", contents, molecule="ethanol", hash=right)) == 5


def test_no_pickle_is_opened(served, tmp_path):
    contents = npz(arrays(5) | {"E": np.array([{}] * 5, dtype=object)})
    refused(md17, served, tmp_path, "e.npz", contents, DownloadError, "without pickled", molecule="ethanol")


@pytest.mark.parametrize("kind", [md17, rmd17, md17_ccsdt])
def test_an_unknown_molecule(kind):
    with pytest.raises((ConfigError, ValueError), match=r"molecule: .*'ethanal'; did you mean 'ethanol'\?"):
        from_dict(kind.Config, {"molecule": "ethanal"}, "datasets.x")


# ---------------------------------------------------------------- rMD17

RMD17 = ("coords", "energies", "forces", "nuclear_charges")


def rmd17_files(frames=60, part="ethanol", rows=None):
    """Files of an archive: two molecules, and five splits of 20 and 15 frames."""
    rng = np.random.default_rng(1)
    files = {f"rmd17/npz_data/rmd17_{part}.npz": npz(arrays(frames, RMD17))}
    files["rmd17/npz_data/rmd17_benzene.npz"] = npz(arrays(frames, RMD17, atoms=molecule("C6H6")))
    for i in range(1, 6):
        order = rng.permutation(60)
        for kind, chosen in (("train", order[:20]), ("test", order[20:35])):
            files[f"rmd17/splits/index_{kind}_{i:02d}.csv"] = "".join(f"{j}\n" for j in chosen).encode()
    return files | (rows or {})


def tar(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:bz2") as archive:
        for name, contents in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(contents)
            archive.addfile(entry, io.BytesIO(contents))
    return buffer.getvalue()


def made_rmd17(served, tmp_path, contents, **options):
    digest = "sha256:" + hashlib.sha256(contents).hexdigest()
    options = {"molecule": "ethanol", "hash": digest} | options
    return made(rmd17, served, tmp_path, "rmd17.tar.bz2", contents, **options)


def test_rmd17_has_its_five_splits(served, tmp_path):
    files = rmd17_files()
    structures = made_rmd17(served, tmp_path, tar(files))
    contents = arrays(60, RMD17)
    np.testing.assert_allclose(structures.energy, contents["energies"] * KCAL_PER_MOL, rtol=1e-6)
    np.testing.assert_allclose(structures.forces[:9], contents["forces"][0] * KCAL_PER_MOL, rtol=1e-6)
    assert sorted(structures.columns) == [f"split_{i}" for i in range(1, 6)]
    for i in range(1, 6):
        for kind in ("train", "test"):
            listed = files[f"rmd17/splits/index_{kind}_{i:02d}.csv"].decode().split()
            marked = np.flatnonzero(structures.columns[f"split_{i}"] == kind)
            assert marked.tolist() == sorted(map(int, listed))
    splits = make_splits(structures, SplitConfig(train="rest", valid=5, test="rest", column="split_3"))
    rows = structures.columns["split_3"]
    assert (len(splits.train), len(splits.valid), len(splits.test)) == (15, 5, 15)
    assert set(rows[splits.train]) == set(rows[splits.valid]) == {"train"} and set(rows[splits.test]) == {
        "test"
    }


def test_indices_beyond_the_frames_are_left_out_aloud(served, tmp_path):
    with pytest.warns(UserWarning, match=r"index_train_0\d\.csv: \d of 20 indices exceed the 55 frames"):
        structures = made_rmd17(served, tmp_path, tar(rmd17_files(frames=55)))
    assert len(structures) == 55


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (
            {"rmd17/splits/index_test_02.csv": b"1\n2\n2\n"},
            ValueError,
            r"index_test_02\.csv: a frame stands twice",
        ),
        (
            {"rmd17/splits/index_train_04.csv": b"1\nx\n"},
            FormatError,
            r"index_train_04\.csv:2: expected the index",
        ),
        (
            {"rmd17/splits/index_train_04.csv": b"1\n-2\n"},
            FormatError,
            r"index_train_04\.csv:2: expected the index",
        ),
        ({"../index_train_04.csv": b"1"}, ArchiveError, "leads out of the archive"),
    ],
)
def test_what_is_wrong_in_rmd17_is_said(served, tmp_path, changed, error, message):
    with pytest.raises(error, match=message):
        made_rmd17(served, tmp_path, tar(rmd17_files(rows=changed)))
    assert not (tmp_path / "out.npz").exists()


def test_an_archive_without_the_molecule_or_truncated(served, tmp_path):
    contents = tar(rmd17_files(part="uracil"))
    with pytest.raises(ValueError, match=r"rmd17\.tar\.bz2: holds no rmd17_ethanol\.npz"):
        made_rmd17(served, tmp_path, contents)
    with pytest.raises(ArchiveError, match="truncated or damaged"):
        made_rmd17(served, tmp_path, tar(rmd17_files())[:-100])


def test_rmd17_is_checked_by_its_published_hash(served, tmp_path):
    with pytest.raises(DownloadError, match=f"not {rmd17.ARCHIVE.hash[:19]}…"):
        made_rmd17(served, tmp_path, tar(rmd17_files()), hash=None)


# ---------------------------------------------------------------- coupled cluster


def test_coupled_cluster_keeps_the_authors_division(served, tmp_path):
    structures = made(md17_ccsdt, served, tmp_path, "e.zip", ccsdt_zip(), molecule="ethanol")
    assert structures.columns["split"].tolist() == ["train"] * 6 + ["test"] * 4
    energies = np.concatenate([arrays(6)["E"], arrays(4, seed=1)["E"]])[:, 0]
    np.testing.assert_allclose(structures.energy, energies * KCAL_PER_MOL, rtol=1e-6)
    splits = make_splits(structures, SplitConfig(train=5, valid=1, test="rest", column="split"))
    assert sorted([*splits.train, *splits.valid]) == list(range(6)) and sorted(splits.test) == [6, 7, 8, 9]


@pytest.mark.parametrize(
    ("contents", "options", "message"),
    [
        (ccsdt_zip(), {"expected_frames": "published"}, "6 frames, expected 1000"),
        (ccsdt_zip(), {"expected_frames": 11}, "10 frames, expected 11"),
        (
            ccsdt_zip(name="aspirin_ccsd"),
            {},
            "holds no ethanol_ccsd_t-train.npz, ethanol_ccsd_t-test",
        ),
        (ccsdt_zip()[:2000], {}, "truncated or damaged"),
    ],
)
def test_what_is_wrong_in_coupled_cluster_is_said(served, tmp_path, contents, options, message):
    refused(
        md17_ccsdt, served, tmp_path, "e.zip", contents, DownloadError, message, molecule="ethanol", **options
    )


# ---------------------------------------------------------------- LiPS and Li4P2O7


def test_lips_is_periodic(served, tmp_path):
    frames = periodic(lips.FORMULA, 3)
    structures = made(lips, served, tmp_path, "lips.xyz", extxyz(frames))
    assert structures.pbc.all() and structures.n_atoms.tolist() == [83] * 3 and not structures.columns
    np.testing.assert_allclose(structures.cell[2], frames[2].cell.array, atol=1e-8)
    np.testing.assert_allclose(
        structures.energy, [atoms.get_potential_energy() for atoms in frames], rtol=1e-7
    )
    np.testing.assert_allclose(structures.forces[83:166], frames[1].get_forces(), atol=1e-7)
    assert re.fullmatch(r"LiPS, lips\.xyz sha256:[0-9a-f]{64}", structures.source)


def broken(**changes):
    frames = periodic(lips.FORMULA, 2)
    for name, value in changes.items():
        setattr(frames[1], name, value)
    return extxyz(frames)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (broken(pbc=[True, True, False]), "frame 1 is not periodic in three directions"),
        (broken(cell=np.zeros((3, 3)), pbc=False), "frame 1 is not periodic"),
        (
            re.sub(rb'Lattice="[^"]*"', b'Lattice="9 0 0 0 9 0 9 9 0"', broken()),
            r"lips\.xyz:2: expected independent cell vectors in the periodic directions",
        ),
        (broken(numbers=[3] * 83), "frame 1 is Li83, not Li27P12S44"),
        (broken(calc=None), r"lips\.xyz:87: expected energy, as other structures have it"),
        (extxyz(periodic(lips.FORMULA, 1)).replace(b"forces", b"velo"), "has no forces"),
        (extxyz(periodic("Li90", 2)), "frame 0 has 90 atoms, Li27P12S44 has 83"),
        (extxyz(periodic(lips.FORMULA, 2))[:-200], r"lips\.xyz:1\d\d: expected"),
    ],
)
def test_what_is_wrong_in_lips_is_said(served, tmp_path, contents, message):
    refused(lips, served, tmp_path, "lips.xyz", contents, DownloadError, message)


def test_all_frames_of_lips_are_expected(served, tmp_path):
    contents = extxyz(periodic(lips.FORMULA, 2))
    message, expected = "2 frames, expected 25001", {"expected_frames": "published"}
    refused(lips, served, tmp_path, "lips.xyz", contents, DownloadError, message, **expected)


def test_the_melt_is_trained_on_and_both_are_tested_on(served, tmp_path):
    melt, quench = periodic(li4p2o7.FORMULA, 5), periodic(li4p2o7.FORMULA, 3, seed=1)
    (tmp_path / "melt.xyz").write_bytes(extxyz(melt))
    structures = made(
        li4p2o7, served, tmp_path, "lipo-quench.xyz", extxyz(quench), melt=tmp_path / "melt.xyz"
    )
    assert structures.columns["subset"].tolist() == ["melt"] * 5 + ["quench"] * 3
    assert structures.columns["split"].tolist() == ["train"] * 4 + ["test"] * 4
    energies = [atoms.get_potential_energy() for atoms in melt + quench]
    np.testing.assert_allclose(structures.energy, energies, rtol=1e-7)
    assert re.fullmatch(
        r"Li4P2O7, melt melt\.xyz sha256:\w+, quench, lipo-quench\.xyz \S+", structures.source
    )


def test_the_quench_alone(served, tmp_path):
    contents = extxyz(periodic(li4p2o7.FORMULA, 3))
    structures = made(li4p2o7, served, tmp_path, "lipo-quench.xyz", contents)
    assert structures.columns["subset"].tolist() == ["quench"] * 3 and "split" not in structures.columns
