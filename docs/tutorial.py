"""Tutti in Python, cell by cell, on the molecules that ship with the package: `python docs/tutorial.py`."""

# %% Judge molecules: is each one a molecule, and which? One row per molecule and bond assigner.
import tempfile
from pathlib import Path

import ase.io
from ase.build import molecule
from ase.optimize import FIRE

import tutti

ethanol, stretched = molecule("CH3CH2OH"), molecule("CH3CH2OH")
stretched.positions[2] += [0.0, 0.0, 1.0]  # the oxygen, 1 Å away
verdicts = tutti.judge([ethanol, stretched])
print(verdicts[["sample", "assigner", "valid", "connected", "no_radicals", "smiles"]].to_string(index=False))
# The second is "valid" by all three, and another molecule by each: a definition is a part of the result.

# %% A file of "samples": ten molecules, three of them shaken.
names = ["CH4", "C2H6", "CH3OH", "CH3CH2OH", "H2CO", "CH3CHO", "CH3NO2", "C6H6", "C4H4O", "CH3CN"]
samples = [molecule(name) for name in names]
for seed, atoms in enumerate(samples[7:]):
    atoms.rattle(0.3, seed=seed)
folder = Path(tempfile.mkdtemp(prefix="tutti-tutorial-"))
ase.io.write(folder / "samples.extxyz", samples)

# %% Evaluate it against QM9's molecules of up to six heavy atoms; with "qm9" all of it would be downloaded.
result = tutti.evaluate(folder / "samples.extxyz", reference="qm9_demo", only=["validity", "jsd"])
print(list(result.tables))

# %% Tables are tidy: one row per number, with its 95 % interval and its n. An adversary stands beside.
validity = result.tables["validity"]
shown = validity[validity["metric"].isin(["validity", "novelty"]) & (validity["subset"] == "xyz2mol")]
print(shown[["model", "metric", "value", "ci_low", "ci_high", "n"]].to_string(index=False))

# %% Single molecules, and why the shaken ones fail.
mine = result.molecules.query("assigner == 'xyz2mol'")
print(mine[["id", "smiles", "reason"]].to_string(index=False))

# %% With a folder, the same call makes figures and a page; the command is
# `tutti evaluate samples.extxyz --reference qm9_demo --only validity --out judged`.
page = tutti.evaluate(folder / "samples.extxyz", folder / "judged", only=["validity"]).report
print(page)

# %% A trained generator makes molecules, here a small one that ships; `tutti models` lists those that do.
made = tutti.judge(tutti.sample("symphony", 5))
print(made.loc[made["assigner"] == "xyz2mol", ["sample", "valid", "smiles"]].to_string(index=False))

# %% A trained force field is an ASE calculator: one of ethanol ships, others are folders of trainings.
ethanol.calc = tutti.Calculator("painn_ethanol")
FIRE(ethanol, logfile=None).run(fmax=0.05, steps=100)
print(ethanol.calc, ethanol.get_potential_energy())
