"""A model has one colour in all figures of a run."""

import pytest

from tutti.figures import CONTROL, PALETTE, REFERENCE, colours, line_styles, models_in_place
from tutti.figures.drawing import draw_each

PLACES = {"edm": 0, "symphony": 1, "schnet": 0, "painn": 1, "eighth": 7}


def test_a_model_keeps_its_colour_where_others_lack():
    with models_in_place(PLACES):
        assert colours(["test_split", "symphony"]) == {"test_split": REFERENCE, "symphony": PALETTE[1]}
        styles = line_styles(["test_split", "painn"], {"test_split"})
    assert (styles["painn"]["color"], styles["test_split"]["color"]) == (PALETTE[1], CONTROL)
    assert colours(["test_split", "symphony"])["symphony"] == PALETTE[0]


def test_what_is_no_model_of_the_run_has_its_colour_in_order():
    with models_in_place(PLACES):
        assert [style["color"] for style in line_styles(["symphony", "other"], set()).values()] == PALETTE[:2]


def test_the_eighth_model_is_told_from_the_first():
    with models_in_place(PLACES):
        first, eighth = line_styles(["edm", "eighth"], set()).values()
        assert first["color"] == eighth["color"] and first["linestyle"] != eighth["linestyle"]
        assert len(set(colours(["test_split", "edm", "eighth"]).values())) == 3


@pytest.mark.parametrize("asked", [{"places": PLACES}, {}])
def test_a_request_names_the_places(asked, tmp_path, monkeypatch):
    found = []
    monkeypatch.setattr(
        "tutti.core.functions.load", lambda name: lambda stem: found.append(colours(["r", "painn"]))
    )
    draw_each([{"function": "f", "stem": tmp_path} | asked], lambda request: [])
    assert found == [{"r": REFERENCE, "painn": PALETTE[1 if asked else 0]}]
