"""Heat maps of bispectra."""

import numpy as np
import pytest

from tutti.figures import bispectra

from .observed import observed

COLUMNS = [(0, 0, 0), (1, 1, 2), (2, 3, 4)]


def values(n, seed=0):
    return observed(np.random.default_rng(seed).normal(size=(n, 3)) * [0.01, 1.0, 0.1])


@pytest.fixture
def samples():
    return {
        "training_split": {"C:C2,H2": values(300), "N:C1": values(2), "C:H4": values(50, 1)},
        "a": {"C:C2,H2": values(40, 2), "C:H4": observed(np.empty((0, 3))), "N:C1": values(400)},
        "b": {},
    }


def panels(figure):
    """Panels of each of the reference's environments, without the colour bars."""
    return [block.axes[:-1] for block in figure.subfigs]


def test_two_most_frequent_environments_of_the_reference(samples, drawn, tmp_path):
    figure = drawn(bispectra.draw, samples, tmp_path / "bispectra", COLUMNS)
    rows = panels(figure)
    assert [row[0].get_ylabel() for row in rows] == ["C bonded to C₂ H₂", "C bonded to H₄"]
    titles = [[axes.get_title(loc="left") for axes in row] for row in rows]
    assert titles == [
        ["training split (control)\nn = 300", "a\nn = 40", "b\nn = 0"],
        ["training split (control)\nn = 50", "a\nn = 0", "b\nn = 0"],
    ]
    said = [[[text.get_text() for text in axes.texts] for axes in row] for row in rows]
    assert said == [[[], [], ["none"]], [[], ["none"], ["none"]]]
    assert [len(row[0].get_xticks()) for row in rows] == [0, 3]
    assert [label.get_text() for label in rows[1][0].get_xticklabels()] == ["000", "112", "234*"]


def test_rows_are_environments_in_order_of_the_first_component(samples, drawn, tmp_path):
    figure = drawn(bispectra.draw, samples, tmp_path / "bispectra", COLUMNS)
    reference, model, _ = panels(figure)[0]
    shown = np.asarray(reference.images[0].get_array())
    assert shown.shape == (200, 3)
    given = {tuple(row) for row in samples["training_split"]["C:C2,H2"].values}
    assert {tuple(row) for row in shown} <= given
    assert len({tuple(row) for row in shown}) == 200
    # The second column has nearly all of the variance.
    assert np.corrcoef(shown[:, 1], np.arange(200))[0, 1] > 0.95
    assert np.asarray(model.images[0].get_array()).shape == (40, 3)


def test_labels_share_one_colour_scale_per_environment(samples, drawn, tmp_path):
    figure = drawn(bispectra.draw, samples, tmp_path / "bispectra", COLUMNS)
    first, second = panels(figure)
    norms = [image.norm for axes in first for image in axes.images]
    largest = max(np.abs(samples[label]["C:C2,H2"].values).max() for label in ("training_split", "a"))
    assert [(norm.vmin, norm.vmax) for norm in norms] == [(-largest, largest)] * 2
    assert second[0].images[0].norm.vmax == np.abs(samples["training_split"]["C:H4"].values).max()


def test_other_columns_are_an_error(samples, tmp_path):
    with pytest.raises(ValueError, match="bispectra with 3 entries, but 2 columns"):
        bispectra.draw(samples, tmp_path / "bispectra", COLUMNS[:2])


def test_a_reference_without_environments_is_said_so(samples, drawn, tmp_path):
    figure = drawn(bispectra.draw, {"b": {}, "a": samples["a"]}, tmp_path / "bispectra", COLUMNS)
    assert [text.get_text() for text in figure.texts] == ["b: no environment in any valid molecule"]


def test_two_drawings_have_the_same_bytes(samples, same_bytes):
    same_bytes(lambda stem: bispectra.draw(samples, stem, COLUMNS))
