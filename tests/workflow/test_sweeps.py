"""Sweeps: which models they stand for, and which of them share a training."""

import copy

import pytest

from tutti.core.registry import ConfigError
from tutti.workflow.sweeps import expand, members

BASE = {
    "kind": "generator",
    "module": "symphony",
    "config": {"position": {"lmax": 3}},
    "training": {"steps": 10},
    "sampling": {"batch_size": 5, "polar": 90},
}


def study(**axes: dict) -> dict:
    return {
        "generation": {"models": ["other"], "sweeps": {"s": {"model": "base", "axes": axes}}},
        "models": {"base": copy.deepcopy(BASE), "other": {}},
    }


def test_axes_are_combined_and_settings_of_one_axis_change_together():
    config = study(
        grid={"sampling.polar": [4, 9], "sampling.azimuths": [7, 17]},
        heat={"sampling.position_temperature": [0.5, 1.0]},
    )
    before = copy.deepcopy(config)
    expanded = expand(config)
    assert config == before
    names = ["s_4x7_0.5", "s_4x7_1.0", "s_9x17_0.5", "s_9x17_1.0"]
    assert expanded["generation"]["models"] == ["other", *names]
    entry = expanded["models"]["s_9x17_0.5"]
    assert entry["sampling"] == {"batch_size": 5, "polar": 9, "azimuths": 17, "position_temperature": 0.5}
    assert entry["config"] == BASE["config"] and expanded["models"]["base"] == BASE
    assert [member.values for member in members(config, "s")][2] == {"grid": "9x17", "heat": "0.5"}


def test_members_that_differ_in_sampling_alone_share_a_training():
    expanded = expand(study(heat={"sampling.position_temperature": [0.5, 1.0]}))
    assert {expanded["models"][name]["trained_as"] for name in ("s_0.5", "s_1.0")} == {"base"}

    config = study(
        lmax={"config.position.lmax": [1, 2]},
        heat={"sampling.position_temperature": [0.5, 1.0]},
        length={"training.steps": [7]},
    )
    expanded = expand(config)
    entry = expanded["models"]["s_2_0.5_7"]
    assert entry["trained_as"] == expanded["models"]["s_2_1.0_7"]["trained_as"] == "s_2_7"
    assert "s_2_7" not in expanded["generation"]["models"]
    trained = expanded["models"]["s_2_7"]
    assert (trained["config"], trained["training"]) == ({"position": {"lmax": 2}}, {"steps": 7})
    assert all(member.trains for member in members(config, "s"))


def test_settings_that_the_entry_leaves_out_can_be_swept():
    expanded = expand(study(lmax={"config.focus.lmax": [0, 2]}))
    assert expanded["models"]["s_2"]["config"] == {"position": {"lmax": 3}, "focus": {"lmax": 2}}
    assert expanded["models"]["s_2"]["trained_as"] == "s_2"


def test_members_have_no_published_values():
    assert expand(study(heat={"sampling.polar": [1]}))["models"]["s_1"]["published"] == "s_1"


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"a": {"resources.gpu": [0, 1]}}, r"generation\.sweeps\.s\.axes\.a: .*not 'resources\.gpu'"),
        ({"a": {"sampling.polar": [1, 2], "sampling.azimuths": [1]}}, "same length"),
        ({"a": {"sampling.first_atom": ["a/b"]}}, "'a/b' cannot be part"),
        ({"a": {"sampling.polar": [1, 1]}}, "twice"),
    ],
)
def test_axes_that_make_no_sense_are_refused(axes, message):
    with pytest.raises(ConfigError, match=message):
        expand(study(**axes))


def test_a_name_that_is_taken_is_refused():
    config = study(a={"sampling.polar": [1]})
    config["models"]["s_1"] = {}
    with pytest.raises(ConfigError, match="'s_1' is a model already"):
        expand(config)
