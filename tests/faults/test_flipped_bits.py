"""Damaged files of every kind that is written: refused by name, made again, or read as they were written."""

import resource
import signal
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from toy_model import data as toy_data
from toy_model import divide, new_model, train_toy
from tutti.benchmark.samples import sets
from tutti.benchmark.signals.study import Fits
from tutti.core import parquet, records, sums, tidy
from tutti.core.cache import Parts, npz
from tutti.core.registry import ConfigError
from tutti.core.seals import DamagedFile
from tutti.core.sources import drop_stale
from tutti.core.structures import Structures
from tutti.data import named
from tutti.data.splits import Splits
from tutti.evaluation.folder import Folder
from tutti.figures import new_figure
from tutti.figures.drawing import models as drawing
from tutti.io import extxyz
from tutti.io.text import FormatError
from tutti.models import base
from tutti.models.forcefields.external import External
from tutti.models.training import checkpoints
from tutti.report import page, settings, tables
from tutti.simulation.trajectory import Trajectory

FAULTS = 10_000
BLOCK = 4096
MEMORY = 2**30  # bytes that reading a damaged file of a few kB may ask for
SECONDS = 20  # until it counts as hanging


@dataclass
class Kind:
    """A kind of file.

    Attributes:
        path: of the file that is damaged.
        read: gives what it says, in a form that can be compared.
        made_again: whether reading makes it again, with a warning, instead of refusing it.
        error: type of the refusal.
        others: files that the refusal may name instead: those that its hash is in.
    """

    path: Path
    read: Callable[[], Any]
    made_again: bool = False
    error: type[Exception] = DamagedFile
    others: list[Path] = field(default_factory=list)


def frame(n=60):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "index": np.arange(n),
            "valid": rng.random(n) < 0.5,
            "smiles": [f"C{'C' * (i % 7)}O" for i in range(n)],
            "bonds": [[[i, i + 1, 1]] for i in range(n)],
            "energy": rng.normal(size=n),
        }
    )


def structures(n=40):
    rng = np.random.default_rng(1)
    counts = rng.integers(1, 9, n)
    found = Structures.from_frames([(rng.choice([1, 6, 8], k), rng.normal(size=(k, 3))) for k in counts])
    names = np.array([f"s{i:06d}" for i in range(n)])
    return found.with_columns(id=names, replica=np.arange(n), Å=np.ones(n))


def plain(values):
    """Arrays, and mappings of arrays, as text that differs where any number does."""
    if isinstance(values, dict):
        return {name: plain(each) for name, each in values.items()}
    return repr(np.asarray(values).tolist())


def judged(folder):
    path = folder / "lookup.parquet"
    parquet.write(frame(), path)
    return Kind(path, lambda: parquet.read_one(path).to_json())


def part_of_frames(folder):
    parts = Parts(folder)
    parts.get("key", frame)
    (path,) = folder.iterdir()
    return Kind(path, lambda: parts.get("key", frame).to_json(), made_again=True)


def part_of_structures(folder):
    parts = Parts(folder, npz(Structures))
    parts.get("key", structures)
    (path,) = folder.iterdir()
    return Kind(path, lambda: parts.get("key", structures).digest, made_again=True)


def dataset(folder):
    path = folder / "data.npz"
    structures().save(path)
    return Kind(path, lambda: Structures.load(path).digest)


def dataset_of_the_cache(folder):
    path = named.fetch(Path("qm9"))
    return Kind(path, lambda: Structures.load(named.fetch(Path("qm9"))).digest, made_again=True)


def trajectory(folder):
    rng = np.random.default_rng(2)
    path = folder / "NVE.npz"
    frames = Structures.from_frames([([6, 1], rng.normal(size=(2, 3))) for _ in range(50)])
    Trajectory.of_structures(frames, 0.5).save(path)
    return Kind(path, lambda: plain(vars(Trajectory.load(path))))


def fits(folder):
    rng = np.random.default_rng(3)
    path = folder / "lmax1.npz"
    numbers = {n: rng.normal(size=(5, n)) for n in (1, 2, 4)}
    Fits("octahedron", "symphony", 1, 5.0, np.eye(3)[:, None], numbers, numbers).save(path)

    return Kind(path, lambda: plain(vars(Fits.load(path))))


def _model(folder, name):
    model = new_model()
    model.fit_statistics(toy_data())
    model.save(folder)

    def read():
        loaded = base.load(folder)
        return repr((loaded.description(), [*loaded.state_dict().items()]))

    return Kind(folder / name, read)


def weights(folder):
    return _model(folder, base.WEIGHTS)


def config(folder):
    return _model(folder, base.CONFIG)


def checkpoint(folder):
    train_toy(folder, steps=20)
    path = folder / "last.ckpt"
    identity = checkpoints.json.loads(_metadata(path))["identity"]

    def read():
        model = new_model()
        optimizer = torch.optim.Adam(model.parameters())
        state = checkpoints.load(path, {"model": model}, optimizer, identity)
        return repr((state, [*model.state_dict().items()], optimizer.state_dict()["state"]))

    return Kind(path, read)


def _metadata(path):
    with checkpoints.safe_open(path, framework="pt") as file:
        return file.metadata()["tutti"]


def _log(folder, name):
    train_toy(folder, steps=40)
    files = [folder / "log.csv", folder / "train.json"]
    return Kind(folder / name, lambda: drawing._log(files[0]).to_json(), others=files)


def log(folder):
    return _log(folder, "log.csv")


def record(folder):
    return _log(folder, "train.json")


def splits(folder):
    path, whole = folder / "data.splits.json", toy_data()
    divide(whole).save(path)
    return Kind(path, lambda: plain(vars(Splits.load(path, whole))))


def _samples(folder, suffix):
    path = folder / "seed0.extxyz"
    extxyz.write(path, structures())
    records.write(path.with_suffix(".json"), {"n": 40} | {"samples_sha256": sums.sha256(path)})
    return Kind(path.with_suffix(suffix), lambda: sets.of_generator(path).digest, others=[path])


def samples(folder):
    return _samples(folder, ".extxyz")


def record_of_samples(folder):
    return _samples(folder, ".json")


def calculator(folder):
    External("ase.calculators.emt:EMT", {"x": [1, 2]}, {"H": -1.5, "C": 2.5}, 7).save(folder)
    return Kind(folder / base.CONFIG, lambda: repr(External.load(folder)))


def fingerprint(folder):
    path = folder / "last.ckpt"
    drop_stale(path, "ab" * 32)
    path.write_bytes(b"what a training has done")

    def read():
        drop_stale(path, "ab" * 32)
        return path.read_bytes()

    return Kind(folder / "last.ckpt.fingerprint", read)


def _tables(folder, name):
    rows = [["m", "d", 0, "validity", f"s{i}", i / 7, 0.0, 1.0, i, "1", np.nan, "note"] for i in range(20)]
    tables.write_all({"validity": pd.DataFrame(rows, columns=tidy.COLUMNS)}, folder)
    path = folder / "validity.csv"
    return Kind(folder / name, lambda: tidy.read(path).to_json(), others=[path])


def table(folder):
    return _tables(folder, "validity.csv")


def hashes_of_tables(folder):
    return _tables(folder, sums.NAME)


def figure(folder):
    with new_figure(folder / "a", 1.0, 0.5) as drawn:
        drawn.text(0.5, 0.5, "a")
    return Kind(folder / "a.svg", lambda: page.data_uri(folder / "a.svg"))


def record_of_an_evaluation(folder):
    mine = Folder(folder, [folder / "x.xyz"])
    made = {"evaluation.json", "tables/a.csv", "figures/b.svg"}
    mine.claim(made, force=False)
    (folder / "tables").mkdir()
    (folder / "tables" / "a.csv").write_text("ours")

    def read():
        mine.claim(made, force=False)
        return mine._record()

    return Kind(folder / "evaluation.json", read, error=ConfigError)


def report(folder):
    text = page.packed({"made_with": {"configuration": {"seeds": [0, 1]}, "versions": {"numpy": "2"}}})
    path = folder / "report" / "index.html"
    path.parent.mkdir()
    path.write_text(f'<html><script id="data" type="text/plain">{text}</script></html>')
    sums.write(folder, ["report/index.html"])
    return Kind(path, lambda: settings.Settings.read(folder).page, error=FormatError)


KINDS = [
    *(judged, part_of_frames, part_of_structures, dataset, dataset_of_the_cache, trajectory, fits, weights),
    *(config, checkpoint, log, record, splits, samples, record_of_samples, calculator, fingerprint, table),
    *(hashes_of_tables, figure, record_of_an_evaluation, report),
]


def damage(whole: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """(name of the fault, damaged contents)."""
    size = len(whole)
    match rng.choice(["flip", "truncation", "block", "aligned block"], p=[0.7, 0.1, 0.1, 0.1]):
        case "flip":
            at, bit = int(rng.integers(size)), 1 << int(rng.integers(8))
            return "flip", whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :]
        case "truncation":
            return "truncation", whole[: int(rng.integers(size))]
        case "block":
            start = int(rng.integers(size))
            stop = min(size, start + int(2 ** rng.uniform(0, 12)))
            return "block", whole[:start] + bytes(stop - start) + whole[stop:]
        case _:
            start = BLOCK * int(rng.integers(-(-size // BLOCK)))
            stop = min(size, start + BLOCK)
            return "aligned block", whole[:start] + bytes(stop - start) + whole[stop:]


def outcome(kind: Kind, expected: Any) -> str:
    """What came of reading a damaged file; "silent" or "wrong message" is what must not be."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = kind.read()
        except kind.error as error:
            named = any(str(path) in str(error) for path in [kind.path, *kind.others])
            return "refused" if named else "wrong message"
    if found != expected:
        return "silent"
    told = [line for line in (str(each.message) for each in caught) if line.startswith(f"{kind.path}: ")]
    if told:
        return "made again" if kind.made_again and len(told) == 1 else "wrong message"
    return "harmless"


@contextmanager
def bounded():
    """Within it a process can neither ask for much more memory than it has nor hang."""

    def hangs(*_):
        raise RuntimeError(f"hangs: not read in {SECONDS} s")

    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, hangs)
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, limits[1]))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)


@pytest.fixture
def outcomes(toy_in_the_registry, monkeypatch, rng):
    """Makes a file of a kind, damages it n times, and says how often what came of which fault."""
    monkeypatch.setattr("tutti.data.qm9.make", lambda _, path, *folders, **settings: structures().save(path))
    return partial(_outcomes, monkeypatch, rng)


def _outcomes(monkeypatch, rng, make, folder, n) -> Counter:
    folder.mkdir()
    monkeypatch.setenv(named.CACHE, str(folder))
    kind = make(folder)
    whole, expected = kind.path.read_bytes(), kind.read()
    beside = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found = Counter()
    with bounded():
        for _ in range(n):
            fault, damaged = damage(whole, rng)
            if damaged == whole:
                continue
            kind.path.write_bytes(damaged)
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            came = outcome(kind, expected)
            found[fault, came] += 1
            if came == "made again":
                assert kind.path.read_bytes() == whole
            for path, content in beside.items():
                path.write_bytes(content)
    return found


def check(found: Counter, made_again: bool) -> None:
    """Nothing is silent, and what can be made again needs no hand."""
    wrong = {"silent", "wrong message", *({"refused"} if made_again else ())}
    assert not [key for key in found if key[1] in wrong], found


CACHES = (part_of_frames, part_of_structures, dataset_of_the_cache)


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_damage_of_every_kind_of_file(tmp_path, outcomes, make):
    check(outcomes(make, tmp_path / "x", 8), make in CACHES)


@pytest.mark.faults
def test_ten_thousand_faults(tmp_path, outcomes):
    total, each = Counter(), -(-FAULTS // len(KINDS))
    for make in KINDS:
        found = outcomes(make, tmp_path / make.__name__, each)
        print(f"{make.__name__:25s}", _told(found))
        check(found, make in CACHES)
        total += found
    print(f"{total.total()} faults", _told(total))
    assert total.total() > 0.9 * FAULTS


def _told(found: Counter) -> str:
    return ", ".join(f"{fault} {came} {n}" for (fault, came), n in sorted(found.items()))
