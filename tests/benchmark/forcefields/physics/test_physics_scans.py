"""Scans in files: read as they are, refused where they are none, and their numbers."""

import ase
import ase.io
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from broken import Pairs, morse, morse_slope

from tutti.benchmark.forcefields.physics import curves, scans
from tutti.benchmark.forcefields.physics.curves import Curve
from tutti.benchmark.forcefields.physics.settings import PhysicsConfig, Scan
from tutti.core.registry import ConfigError, from_dict

X = np.linspace(0.8, 3.0, 45)


def write(path, energy=morse, kinds=(("CO", "bond"),), shuffled=True, named="distance"):
    frames = []
    for symbols, kind in kinds:
        for x in X:
            atoms = ase.Atoms(symbols, [[0, 0, 0], [x, 0, 0]])
            atoms.info |= {named: float(x), "config_type": kind}
            atoms.calc = SinglePointCalculator(atoms, energy=float(energy(np.array([x]))[0]) - 700.0)
            frames.append(atoms)
    if shuffled:
        frames = [frames[k] for k in np.random.default_rng(0).permutation(len(frames))]
    ase.io.write(path, frames, format="extxyz")
    return str(path)


def numbers(curve):
    return {each["metric"]: each for each in scans.rows([curve], np.random.default_rng(0))}


def test_the_right_calculator_follows_a_scan(tmp_path):
    scan = Scan(write(tmp_path / "scan.xyz"), "distance")
    (curve,) = scans.probe(Pairs(morse, morse_slope), {"stretch": scan})
    assert curve.name == "stretch"
    np.testing.assert_allclose(curve.x, X)
    np.testing.assert_allclose(curve.reference, morse(X) - 700)
    found = numbers(curve)
    assert found["scan_rmse"]["value"] == pytest.approx(0, abs=1e-4) and found["scan_rmse"]["n"] == 45
    assert found["scan_barrier_error"]["value"] == pytest.approx(0, abs=1e-4)
    assert found["scan_false_minima"]["value"] == 0


def test_errors_are_those_that_were_put_in(tmp_path):
    """A well 0.3 eV deep at 2.4 Å more than the data have, and every energy a tenth too large."""
    scan = Scan(write(tmp_path / "scan.xyz"), "distance")

    def other(r):
        return 1.1 * morse(r) - 2.0 * np.exp(-(((r - 2.4) / 0.1) ** 2))

    (curve,) = scans.probe(Pairs(other, morse_slope), {"stretch": scan})
    found = numbers(curve)
    ours, theirs = other(X) - other(X).min(), morse(X) - morse(X).min()
    rmse = found["scan_rmse"]
    assert rmse["value"] == pytest.approx(1000 * np.sqrt(np.mean((ours - theirs) ** 2)))
    assert rmse["ci_low"] < rmse["value"] < rmse["ci_high"]
    assert found["scan_barrier_error"]["value"] == pytest.approx(1000 * abs(ours.max() - theirs.max()))
    assert found["scan_false_minima"]["value"] == 1


def test_frames_are_chosen_and_molecules_kept_apart(tmp_path):
    path = write(tmp_path / "scans.xyz", kinds=(("CO", "bond"), ("N2", "bond"), ("OH", "other")))
    found = scans.load("apart", Scan(path, "distance", where={"config_type": "bond"}))
    assert sorted(found) == ["apart CO", "apart N2"]
    assert all(
        len(frames) == len(X) and (np.diff(frames.columns["distance"]) > 0).all() for frames in found.values()
    )
    assert list(scans.load("oh", Scan(path, "distance", where={"config_type": "other"}))) == ["oh"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"column": "angle"}, r"scan 'a': no column 'angle' among \['config_type', 'distance'\]"),
        ({"where": {"kind": "x"}}, "no column 'kind'"),
        ({"where": {"config_type": "nothing"}}, r"no frames with \{'config_type': 'nothing'\}"),
        ({"column": "config_type"}, "has more than numbers"),
    ],
)
def test_what_is_no_scan_is_refused(tmp_path, changes, message):
    path = write(tmp_path / "scan.xyz")
    with pytest.raises(ValueError, match=message):
        scans.load("a", Scan(**{"path": path, "column": "distance"} | changes))


def test_a_scan_without_energies_is_refused(tmp_path):
    path = tmp_path / "bare.xyz"
    atoms = ase.Atoms("H")
    atoms.info["distance"] = 1.0
    ase.io.write(path, atoms, format="extxyz")
    with pytest.raises(ValueError, match="no energies to compare with"):
        scans.load("a", Scan(str(path), "distance"))


def test_points_that_fail_are_left_out_and_told(tmp_path):
    scan = Scan(write(tmp_path / "scan.xyz"), "distance")
    (curve,) = scans.probe(Pairs(morse, morse_slope, nearest=0.9), {"stretch": scan})
    rmse = numbers(curve)["scan_rmse"]
    failed = int((X < 0.9).sum())
    assert rmse["value"] < 1e-3 and rmse["n"] == len(X) - failed
    assert rmse["note"] == f"{failed} of {len(X)} points failed: atoms too near, sorry"
    (nothing,) = scans.probe(Pairs(morse, morse_slope, nearest=9), {"stretch": scan})
    assert np.isnan(numbers(nothing)["scan_barrier_error"]["value"])


def test_settings_are_read_strictly():
    given = {"frames": 3, "scans": {"oh": {"path": "oh.xyz", "column": "OH_dist"}}}
    assert from_dict(PhysicsConfig, given, "physics").scans == {"oh": Scan("oh.xyz", "OH_dist")}
    with pytest.raises(ConfigError, match=r"physics\.scans\.oh"):
        from_dict(PhysicsConfig, {"scans": {"oh": {"path": "oh.xyz"}}}, "physics")
    with pytest.raises(ConfigError, match="frames is 0"):
        from_dict(PhysicsConfig, {"frames": 0}, "physics")


def test_curves_come_back_as_they_were(tmp_path):
    made = [
        Curve.of("scan", "a", np.arange(3), [1.0, np.nan, 3.0], note="why not"),
        Curve.without("cutoff", "", "no cutoff is known"),
        Curve.of("scan", "a", np.zeros(1), np.ones(1), np.full(1, 2.0), np.full(1, 3.0)),
    ]
    curves.write(made, tmp_path / "curves.parquet")
    read = curves.read(tmp_path / "curves.parquet")
    assert [(c.kind, c.name, c.note, len(c.x)) for c in read] == [
        (c.kind, c.name, c.note, len(c.x)) for c in made
    ]
    for one, other in zip(made, read, strict=True):
        for name in curves.COLUMNS:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert read[0].failures == "1 of 3 points failed: why not" and read[2].failures == ""
