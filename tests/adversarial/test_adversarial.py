"""No input stops or misleads reading and bond assignment: every sample gets a row with its reason."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from corpus import ASSIGNERS, GOOD, corpus

from tutti.chemistry.bonds.pool import assign_all
from tutti.core import registry
from tutti.core.structures import Structures
from tutti.io import FormatError
from tutti.io.samples import read_samples

CASES = corpus()
READABLE = [case for case in CASES if not case.error]
by_name = {"ids": lambda case: case.name}


@pytest.fixture(scope="module")
def samples(corpus_folders):
    """Structures of every readable case, by its name."""
    return {case.name: read_samples([corpus_folders[case.name]]) for case in READABLE}


@pytest.fixture(scope="module", params=ASSIGNERS)
def judged(request, corpus_folders):
    """An assigner, and its verdicts on all cases at once, by case."""
    folders = [corpus_folders[case.name] for case in READABLE]
    everything = read_samples(folders)
    verdicts = assign_all(everything, request.param, jobs=2, time_limit=2.0, progress=False)
    ends = np.cumsum([len(case.expected) for case in READABLE])
    assert len(verdicts) == ends[-1]
    parts = np.split(np.arange(len(verdicts)), ends[:-1])
    return request.param, {
        case.name: verdicts.iloc[rows].reset_index(drop=True)
        for case, rows in zip(READABLE, parts, strict=True)
    }


def rows(verdicts: pd.DataFrame) -> list[dict[str, object]]:
    """The verdicts without their names and times; missing values are None."""
    values = verdicts.drop(columns=["id", "seconds"]).astype(object)
    return values.where(values.notna(), None).to_dict("records")


def test_the_corpus_is_large_and_judged_by_all():
    assert len(CASES) == len({case.name for case in CASES}) >= 100
    # Of the two others `given` judges no geometry, and xyz2mol_rdkit is xyz2mol but for who is bonded.
    assert sorted([*ASSIGNERS, "given", "xyz2mol_rdkit"]) == registry.names("bonds")
    assert all(bool(case.expected) != bool(case.error) for case in CASES)


@pytest.mark.parametrize("case", READABLE, **by_name)
def test_every_sample_is_read_or_has_its_reason(samples, case):
    structures = samples[case.name]
    messages = structures.columns["unreadable"].tolist()
    assert len(structures) == len(case.expected)
    assert len(set(structures.columns["id"].tolist())) == len(structures)
    for n_atoms, message, file, expected in zip(
        structures.n_atoms, messages, structures.columns["file"], case.expected, strict=True
    ):
        assert bool(message) == bool(expected.message)
        if message:
            assert n_atoms == 0
            assert message.startswith(f"{file}:{expected.line}: " if expected.line else f"{file}")
            assert expected.message in message


@pytest.mark.parametrize("case", READABLE, **by_name)
def test_good_samples_are_as_written(samples, case):
    digits = 4 if case.name.startswith("sdf") else 17
    for i, expected in enumerate(case.expected):
        if expected.good:
            numbers, positions = GOOD[expected.good]
            np.testing.assert_array_equal(samples[case.name].frame(i)[0], numbers)
            np.testing.assert_array_equal(samples[case.name].frame(i)[1], np.round(positions, digits))


@pytest.mark.parametrize("case", [case for case in CASES if case.error], **by_name)
def test_what_cannot_be_read_at_all_is_an_error(corpus_folders, case):
    with pytest.raises(FormatError, match=case.error):
        read_samples([corpus_folders[case.name]])


def test_broken_files_beside_a_good_one_are_samples(corpus_folders):
    folders = [corpus_folders[case.name] for case in CASES if case.error]
    structures = read_samples([*folders, corpus_folders["crlf"]])
    messages = structures.columns["unreadable"].tolist()
    assert all(messages[: len(folders)])
    assert messages[len(folders) :] == [""] * len(GOOD)


def test_every_sample_gets_its_reason(judged):
    assigner, verdicts = judged
    wrong = [
        f"{case.name} [{i}]: {reason!r}, expected one of {sorted(expected.reasons[assigner])} ({case.why})"
        for case in READABLE
        for i, (reason, expected) in enumerate(zip(verdicts[case.name]["reason"], case.expected, strict=True))
        if reason not in expected.reasons[assigner]
    ]
    assert not wrong, "\n".join(wrong)


def test_good_samples_are_judged_as_if_alone(judged):
    assigner, verdicts = judged
    alone = {
        name: rows(assign_all(Structures.from_frames([sample]), assigner, jobs=1, progress=False))[0]
        for name, sample in GOOD.items()
    }
    compared = 0
    for case in READABLE:
        found = rows(verdicts[case.name])
        for i, expected in enumerate(case.expected):
            if expected.good:
                assert found[i] == alone[expected.good], case.name
                compared += 1
    assert compared > 400


@pytest.mark.parametrize("name", ["count of 10 digits", "count of 30 digits"])
def test_a_false_count_takes_no_memory(corpus_folders, name):
    tracemalloc.start()
    read_samples([corpus_folders[name]])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6
