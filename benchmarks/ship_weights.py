"""Puts the weights of a finished run into the package, with the record of where they come from.

    python benchmarks/ship_weights.py results/equal_time qm9 symphony_half_hour --as symphony

The training is `RUN/train/<dataset>/<model>/seed0`; a generator's settings of sampling and the test results
are those of the run's samples and tables. Refused is what is too large, damaged, or does not agree: weights,
config.json, train.json, samples, data and tables with each other and with the study's file in config/.

Without arguments it checks what ships: sizes, hashes, and what the models say of recorded molecules.
"""

import argparse
import math
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from shipping import outputs, provenance
from shipping.finished import Disagreement, Finished, configuration_of

from tutti.core import names, records
from tutti.core.files import atomic_path, sha256
from tutti.models import base, shipped

MODEL_BYTES, ALL_BYTES = 3e6, 15e6
TOLERANCE = 1e-9
"""Relative and absolute, of float64."""


def ship(training: Finished, name: str, into: Path = shipped.SHIPPED) -> Path:
    """Write weights, config.json and record into the folder `into`/`name`; what was there is replaced.

    Raises:
        Disagreement: for what is named wrongly, too large or does not agree, before anything is written.
    """
    if problem := names.problem(name):
        raise Disagreement(f"--as {name}: the name {problem}")
    training.check()
    files = [training.folder / each for each in (base.WEIGHTS, base.CONFIG)]
    size = sum(path.stat().st_size for path in files)
    if size > MODEL_BYTES:
        raise Disagreement(f"{training.folder}: {size / 1e6:.1f} MB, more than {MODEL_BYTES / 1e6:g} MB")
    others = sum(bytes_of(each) for each in into.glob("*") if each.name != name)
    if others + size > ALL_BYTES:
        total = (others + size) / 1e6
        raise Disagreement(f"{into}: with it {total:.1f} MB in all, more than {ALL_BYTES / 1e6:g} MB")
    record = provenance.of(training, name)
    for path in files:
        with atomic_path(into / name / path.name) as temporary:
            shutil.copyfile(path, temporary)
    records.write(into / name / shipped.RECORD, record)
    return into / name


def bytes_of(folder: Path) -> int:
    """Size of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def problems(folder: Path) -> list[str]:
    """What is wrong with a shipped model; empty: nothing."""
    found, record = [], shipped.record_of(folder)
    if record is None:
        return [f"{folder}: has no {shipped.RECORD}"]
    if record["name"] != folder.name:
        found.append(f"{folder}: its record is of {record['name']}")
    if bytes_of(folder) > MODEL_BYTES:
        found.append(f"{folder}: more than {MODEL_BYTES / 1e6:g} MB")
    said = outputs.again(folder, record["check"])
    for key, value in record["check"].items():
        if not np.allclose(_flat(said[key]), _flat(value), rtol=TOLERANCE, atol=TOLERANCE):
            found.append(f"{folder}: its {key} of the recorded molecules changed")
    return found


def _flat(value: Any) -> np.ndarray:
    """All the numbers in nested lists."""
    if isinstance(value, list):
        return np.concatenate([_flat(each) for each in value])
    return np.array([math.nan if value is None else value], float)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", nargs="?", type=Path, metavar="RUN", help="results/<run>")
    parser.add_argument("dataset", nargs="?", metavar="DATASET", help="as its folder is called")
    parser.add_argument("model", nargs="?", metavar="MODEL", help="name of the entry")
    parser.add_argument("--as", dest="name", metavar="NAME", help="that it ships by; MODEL's by default")
    parser.add_argument("--configfile", type=Path, help="of the study; by default the one with `run: <run>`")
    given = parser.parse_args()
    try:
        if given.run is None:
            _check_all()
            return
        if given.model is None:
            parser.error("give RUN, DATASET and MODEL, or none of them")
        configuration = given.configfile or configuration_of(given.run.resolve().name)
        training = Finished(given.run.resolve(), given.dataset, given.model, configuration)
        folder = ship(training, given.name or given.model)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    record = shipped.record_of(folder)
    print("\n".join(shipped.introduction(record)))
    if not record["results"]:
        print("warning: the run has no table with its test results; ship it again when it has")
    print(f"{folder}: {bytes_of(folder) / 1e6:.2f} MB, SHA-256 {sha256(folder / base.WEIGHTS)}")


def _check_all() -> None:
    found = [problem for name in shipped.names() for problem in problems(shipped.SHIPPED / name)]
    total = bytes_of(shipped.SHIPPED)
    if total > ALL_BYTES:
        found.append(f"{shipped.SHIPPED}: {total / 1e6:.1f} MB in all")
    if found:
        sys.exit("\n".join(found))
    print(f"{len(shipped.names())} models, {total / 1e6:.2f} MB: sizes, hashes and outputs as recorded")


if __name__ == "__main__":
    main()
