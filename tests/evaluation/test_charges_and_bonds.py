"""`tutti evaluate` of files that say charges and bonds, or neither."""

import json

import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem
from typer.testing import CliRunner

from tutti.cli import app
from tutti.core import tidy
from tutti.evaluation.folder import RECORD

SMILES = ["[NH4+]", "CC(=O)[O-]", "CCO"]


def embedded(smiles):
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(molecule, randomSeed=1)
    AllChem.MMFFOptimizeMolecule(molecule)
    return molecule


def xyz(molecule, comment):
    lines = Chem.MolToXYZBlock(molecule).splitlines()
    return "\n".join([lines[0], comment, *lines[2:], ""])


def tutti(*arguments):
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments), "--only", "validity,reasons"])
    assert result.exit_code == 0, result.output
    return result


def rows(out):
    return pd.read_parquet(out / "molecules.parquet")


@pytest.fixture(scope="module")
def molecules():
    return [embedded(smiles) for smiles in SMILES]


def test_bonds_of_the_file_alone(tmp_path, molecules):
    text = "".join(Chem.MolToMolBlock(molecule) + "$$$$\n" for molecule in molecules)
    (tmp_path / "x.sdf").write_text(text)
    (tmp_path / "y.xyz").write_text(xyz(molecules[2], ""))
    out = tmp_path / "out"
    tutti(tmp_path / "x.sdf", tmp_path / "y.xyz", "--assigners", "given", "--out", out)
    found = rows(out)
    assert found["smiles"].tolist()[:3] == SMILES and pd.isna(found["smiles"][3])
    assert found["reason"].tolist() == ["", "", "", "no_bonds"]
    validity = tidy.read(out / "tables/validity.csv").set_index("metric")["value"]
    assert validity["validity"] == 0.75 and validity["neutral_atoms"] == pytest.approx(1 / 3)
    reasons = tidy.read(out / "tables/reasons.csv").set_index("metric")["value"]
    assert reasons.to_dict() == {"no_bonds": 0.25, "valid": 0.75}
    assert {path.stem for path in (out / "tables").iterdir()} == {"validity", "reasons", "SHA256SUMS"}
    assert (out / "report/index.html").is_file()


def test_charges_that_files_say_and_the_charge_of_the_others(tmp_path, molecules):
    (tmp_path / "said.xyz").write_text(
        xyz(molecules[0], "charge=1") + xyz(molecules[1], "total_charge=-1") + xyz(molecules[2], "charge=0")
    )
    tutti(tmp_path / "said.xyz", "--assigners", "xyz2mol", "--out", tmp_path / "said")
    assert rows(tmp_path / "said")["smiles"].tolist() == SMILES
    (tmp_path / "sums.sdf").write_text("".join(Chem.MolToMolBlock(m) + "$$$$\n" for m in molecules))
    tutti(tmp_path / "sums.sdf", "--assigners", "xyz2mol", "--out", tmp_path / "sums")
    assert rows(tmp_path / "sums")["smiles"].tolist() == SMILES
    (tmp_path / "others.xyz").write_text(xyz(molecules[1], "") + xyz(molecules[2], "charge=0"))
    tutti(tmp_path / "others.xyz", "--assigners", "xyz2mol", "--charge", -1, "--out", tmp_path / "others")
    assert rows(tmp_path / "others")["smiles"].tolist() == SMILES[1:]


def test_the_charge_is_written_down_and_judged_anew(tmp_path, molecules, monkeypatch):
    told = []

    def assign_all(structures, *arguments, **options):
        told.append(structures.columns.get("charge"))
        from tutti.chemistry.bonds import pool

        return pool.assign_all(structures, *arguments, **options)

    monkeypatch.setattr("tutti.benchmark.samples.judge.assign_all", assign_all)
    (tmp_path / "x.xyz").write_text(xyz(molecules[1], "") + xyz(molecules[0], "charge=1"))
    (tmp_path / "y.xyz").write_text(xyz(molecules[2], ""))
    common = (
        tmp_path / "x.xyz",
        "--test",
        tmp_path / "y.xyz",
        "--assigners",
        "lookup",
        "--out",
        tmp_path / "out",
    )
    for charge, samples, control in ((0, [0, 1], None), (-1, [-1, 1], [-1])):
        told.clear()
        tutti(*common, "--charge", charge)
        assert told[0].tolist() == samples
        assert all(each is None if control is None else each.tolist() == control for each in told[1:])
        assert len(told) > 1
        record = json.loads((tmp_path / "out" / RECORD).read_text())
        assert record["charge where none is said"] == charge
    page = (tmp_path / "out/report/index.html").read_text()
    assert "charge where none is said: -1" in page
