"""The datasets of one's own in the documents, as they stand there: checked, read and split."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from documents import ROOT

from tutti.core.registry import from_dict
from tutti.core.structures import Structures
from tutti.data import file
from tutti.data.splits import PARTS, SplitConfig, make_splits
from tutti.workflow import config
from tutti.workflow.plan.names import dataset_settings, named_files

DEFAULTS = [ROOT / name for name in config.FILES]
STUDY = {
    "run": "mine",
    "generation": {"datasets": [], "models": []},
    "forcefields": {"runs": [{"dataset": "mine", "models": ["painn_demo"]}], "tables": ["errors"]},
}


def examples():
    """The datasets called `mine` of README.md and config/README.md."""
    for document in ("README.md", "config/README.md"):
        for block in re.findall(r"^```yaml\n(.*?)^```$", (ROOT / document).read_text(), re.M | re.S):
            entry = (yaml.safe_load(block).get("datasets") or {}).get("mine")
            if entry is not None:
                yield pytest.param(entry, id=f"{document}: {entry['split']}")


def write(path, count, seed):
    """Frames of water, each of its own shape; in a file of isolated atoms there are these."""
    rng, frames = np.random.default_rng(seed), []
    for a, b in rng.uniform(0.9, 1.4, (count, 2)):
        frames.append(f"3\nProperties=species:S:1:pos:R:3:forces:R:3 energy={-a - b}\nO 0 0 0 0 0 0\n")
        frames.append(f"H 0 0 {a} 0 0 1\nH 0 {b} 0 0 0 -1\n")
    atoms = "1\nenergy=-2041\nO 0 0 0\n1\nenergy=-13.6\nH 0 0 0\n"
    Path(path).write_text(atoms if "isolated" in path else "".join(frames))


@pytest.mark.filterwarnings("ignore:leakage")
@pytest.mark.parametrize("entry", examples())
def test_an_example_as_it_stands(entry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed, path in enumerate(named_files(entry).values()):
        write(path, 600, seed)
    Path("mine.yaml").write_text(yaml.safe_dump(STUDY | {"datasets": {"mine": entry}}))
    files = [*DEFAULTS, "mine.yaml"]
    config.check(config.load(files), files, ROOT / config.SCHEMAS)
    file.make(from_dict(file.Config, dataset_settings(entry), ""), Path("mine.npz"), Path(), 1)
    structures = Structures.load("mine.npz")
    splits = make_splits(structures, from_dict(SplitConfig, entry["split"], ""))
    sizes = [len(getattr(splits, part)) for part in PARTS]
    if "free_atoms" in entry:
        assert sizes == [600, 600, 600] and structures.free_atoms == {"H": -13.6, "O": -2041.0}
    else:
        assert sizes == {450: [450, 50, 100], 0.8: [480, 60, 60]}[entry["split"]["train"]]


def test_there_are_examples_of_numbers_of_fractions_and_of_files():
    assert len(list(examples())) == 3


@pytest.mark.filterwarnings("ignore:leakage")
@pytest.mark.parametrize("count", [500, 501])
def test_a_file_with_no_structure_or_one_to_test_on(count, tmp_path, monkeypatch):
    """README's example with the fewest frames that it can have: errors are not known, speed is."""
    monkeypatch.chdir(tmp_path)
    entry = next(examples()).values[0]
    write(entry["path"], count, 0)
    study = STUDY | {"datasets": {"mine": entry}}
    study["forcefields"] = study["forcefields"] | {"tables": ["errors", "inference_time"]}
    Path("mine.yaml").write_text(yaml.safe_dump(study))
    files = [*DEFAULTS, "mine.yaml"]
    config.check(config.load(files), files, ROOT / config.SCHEMAS)
    file.make(file.Config(Path(entry["path"])), Path("mine.npz"), Path(), 1)
    structures = Structures.load("mine.npz")
    splits = make_splits(structures, from_dict(SplitConfig, entry["split"], ""))
    assert len(splits.test) == count - 500 and len(structures[splits.example]) == 1
