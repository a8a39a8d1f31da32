"""Figures of what a force field has learnt: what they show, and that they are drawn the same twice."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import TriMesh

from tutti.benchmark.interpretation.chemical_potential import LocalPotential
from tutti.benchmark.interpretation.embedding import PrincipalComponents
from tutti.benchmark.interpretation.filters import radial_filters, strongest
from tutti.benchmark.interpretation.isosurface import isosurface
from tutti.core.structures import Structures
from tutti.figures import PALETTE, chemical_potential, embedding, filters, of_models
from tutti.models import base

from .observed import texts

METHANE = 1.09 / 3**0.5 * np.array([[0, 0, 0], [1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
RING = np.array([[np.cos(a), np.sin(a), 0] for a in np.arange(6) * np.pi / 3])
BENZENE = np.concatenate([1.39 * RING, 2.48 * RING])


def components(numbers, k):
    coordinates = np.arange(len(numbers) * k, dtype=float).reshape(len(numbers), k) ** 1.5
    return PrincipalComponents(np.array(numbers), coordinates, np.arange(k, 0, -1) / (k * (k + 1) / 2))


def test_embedding_colours_the_groups(drawn, same_bytes, tmp_path):
    found = components([1, 8, 16, 6, 9], 4)
    figure = drawn(embedding.draw, found, tmp_path / "a")
    (axes,) = figure.axes
    assert texts(figure) == ["group 1", "group 14", "group 16", "group 17"]
    oxygen = axes.collections[2].get_offsets()  # with sulfur
    np.testing.assert_allclose(sorted(oxygen.tolist()), found.coordinates[[1, 2], :2])
    places = {text.get_text(): text.get_position() for text in axes.texts}
    assert places["C"] == tuple(found.coordinates[3, :2]) and set(places) == {"H", "C", "O", "F", "S"}
    assert axes.get_xlabel() == "component 1 (40% of the variance)"
    assert axes.get_title(loc="left") == ""
    same_bytes(lambda stem: embedding.draw(found, stem))


@pytest.mark.parametrize(
    ("numbers", "words"),
    [([1, 6], "two elements span a line"), ([1, 6, 8], "any three elements lie in a plane")],
)
def test_embedding_of_few_elements_says_what_can_be_seen(drawn, tmp_path, numbers, words):
    figure = drawn(embedding.draw, components(numbers, len(numbers) - 1), tmp_path / "a")
    assert figure.axes[0].get_title(loc="left") == words


def test_embedding_of_one_element_is_not_drawn(drawn, tmp_path):
    figure = drawn(embedding.draw, components([8], 0), tmp_path / "a")
    assert "one element" in figure.texts[0].get_text()


def test_radial_filters(drawn, same_bytes, tmp_path):
    distances = np.linspace(0, 5, 40)
    values = [np.sin(distances[:, None] * (1 + np.arange(6)) + t) for t in range(3)]
    chosen = [[4, 0], [1, 2], [5]]
    figure = drawn(filters.draw_radial, distances, values, chosen, tmp_path / "a")
    assert [axes.get_title(loc="left") for axes in figure.axes] == [f"interaction {t}" for t in (1, 2, 3)]
    for axes, curves, channels in zip(figure.axes, values, chosen, strict=True):
        coloured = [line for line in axes.lines if line.get_color() in PALETTE]
        assert len(axes.lines) == 1 + 6 + len(channels)
        for line, channel, colour in zip(coloured, channels, PALETTE, strict=False):
            assert line.get_color() == colour
            np.testing.assert_array_equal(line.get_ydata(), curves[:, channel])
    assert texts(figure) == ["strongest channel", "second", "all channels"]
    with pytest.raises(ValueError, match="can tell 7 channels apart, not 8"):
        filters.draw_radial(distances, values[:1], [range(8)], tmp_path / "b")
    same_bytes(lambda stem: filters.draw_radial(distances, values[:1], chosen[:1], stem))


def test_cuts(drawn, same_bytes, tmp_path):
    axis = np.linspace(-2, 2, 5)
    cuts = [np.random.default_rng(t).normal(size=(5, 5, 4)) for t in range(2)]
    figure = drawn(filters.draw_cuts, axis, cuts, [[3, 1], [0]], tmp_path / "a")
    images = [axes.images[0] for axes in figure.axes if axes.images]
    assert len(images) == 3
    np.testing.assert_array_equal(images[1].get_array(), cuts[0][..., 1])
    np.testing.assert_array_equal(images[2].get_array(), cuts[1][..., 0])
    largest = np.abs(cuts[0][..., [3, 1]]).max()
    assert images[0].get_clim() == images[1].get_clim() == (-largest, largest)
    assert tuple(images[0].get_extent()) == (-2, 2, -2, 2)
    same_bytes(lambda stem: filters.draw_cuts(axis, cuts[1:], [[0]], stem))


def potential(molecule, numbers, positions, element, shift=0.0):
    surface = isosurface(positions, 3.7)
    # So that the colours say where a point is.
    energies = surface.points[:, 2] + shift
    return LocalPotential(molecule, np.array(numbers), positions, element, surface, energies, "eV")


@pytest.fixture(scope="module")
def potentials():
    flat, round_ = (([6] * 6 + [1] * 6, BENZENE), ([6, 1, 1, 1, 1], METHANE))
    return [
        potential("benzene", *flat, "C"),
        potential("methane", *round_, "C"),
        potential("benzene", *flat, "O", shift=100.0),
    ]


def test_local_potentials(potentials, drawn, same_bytes, tmp_path):
    figure = drawn(chemical_potential.draw, potentials, tmp_path / "a")
    panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    meshes = [[c for c in axes.collections if isinstance(c, TriMesh)] for axes in panels]
    assert [len(m) for m in meshes] == [1, 1, 1, 0]  # nobody put oxygen at methane
    assert [panels[k].get_title() for k in (0, 1)] == ["benzene", "methane"]
    assert meshes[0][0].norm.vmax < 10 < meshes[2][0].norm.vmin
    bars = [axes.get_ylabel() for axes in figure.axes if axes.get_label() == "<colorbar>"]
    assert bars == ["probe C (eV)", "probe O (eV)"]
    same_bytes(lambda stem: chemical_potential.draw(potentials[1:2], stem))
    with pytest.raises(ValueError, match="no local chemical potential"):
        chemical_potential.draw([], tmp_path / "b")


@pytest.mark.parametrize("k", [0, 1])
def test_the_surface_is_drawn_from_the_side_that_the_molecule_is_seen_from(potentials, drawn, tmp_path, k):
    """Only its front, painted from the farthest to the nearest."""
    figure = drawn(chemical_potential.draw, [potentials[k]], tmp_path / "a")
    axes = figure.axes[0]
    (mesh,) = [c for c in axes.collections if isinstance(c, TriMesh)]
    shown = mesh._triangulation
    view = chemical_potential.principal_view(potentials[k].positions)
    turned = chemical_potential._turned(potentials[k].positions, view, potentials[k].positions)
    np.testing.assert_allclose(turned, view, atol=1e-12)
    points = chemical_potential._turned(potentials[k].positions, view, potentials[k].surface.points)
    depth = points[shown.triangles, 2].mean(axis=1)
    assert (np.diff(depth) >= 0).all()  # the nearest is painted last
    x, y = shown.x[shown.triangles], shown.y[shown.triangles]
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    assert (area > 0).all()  # anticlockwise: the outside is seen
    assert points[:, 2].argmax() in shown.triangles and points[:, 2].argmin() not in shown.triangles


@pytest.mark.parametrize("n", [1, 2, 3])
def test_atoms_and_linear_molecules_can_be_turned(n):
    positions = np.array([[0.1, 0.2, 0.3], [1.1, 0.2, 1.3], [-0.9, 0.2, -0.7]])[:n]
    view = chemical_potential.principal_view(positions)
    points = np.random.default_rng(0).normal(size=(5, 3))
    turned = chemical_potential._turned(positions, view, points)
    for before, after in (
        (points - positions[0], turned - view[0]),
        (points - points[0], turned - turned[0]),
    ):
        np.testing.assert_allclose(after @ after.T, before @ before.T, atol=1e-12)
    before, after = (np.linalg.det(p[1:4] - p[0]) for p in (points, turned))
    assert after == pytest.approx(before, abs=1e-12)  # no mirror image


@pytest.fixture(scope="module")
def schnet():
    config = {"elements": ["H", "C", "O"], "channels": 6, "layers": 2, "cutoff": 4.0}
    model = base.create("forcefields", "schnet", config, seed=0).double()
    model.seen.fill_(True)
    return model


@pytest.fixture(scope="module")
def weights(schnet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    schnet.save(folder)
    return folder


@pytest.fixture
def two_molecules():
    return Structures.from_frames([([6, 1, 1, 1, 1], METHANE), ([6] * 6 + [1] * 6, BENZENE)])


def test_figures_of_weights_show_the_model(schnet, weights, two_molecules, drawn, tmp_path):
    symbols = drawn(of_models.embedding, weights, two_molecules, tmp_path / "a").axes[0].texts
    assert {text.get_text() for text in symbols} == {"H", "C", "O"}
    figure = drawn(of_models.filters, weights, two_molecules, tmp_path / "b")
    distances = figure.axes[0].lines[1].get_xdata()
    assert distances[-1] == 4.0 and len(distances) == of_models.RADII - 1
    for axes, expected in zip(figure.axes, radial_filters(schnet, distances), strict=True):
        coloured = [line.get_ydata() for line in axes.lines if line.get_color() in PALETTE]
        np.testing.assert_allclose(
            np.transpose(coloured), expected[:, strongest(expected, of_models.SHOWN)], atol=1e-6
        )
    figure = drawn(of_models.filter_cuts, weights, two_molecules, tmp_path / "c")
    images = [axes.images[0] for axes in figure.axes if axes.images]
    assert len(images) == 2 * of_models.SHOWN and tuple(images[0].get_extent()) == (-4, 4, -4, 4)
    figure = drawn(of_models.chemical_potential, weights, two_molecules, tmp_path / "d")
    bars = [axes.get_ylabel() for axes in figure.axes if axes.get_label() == "<colorbar>"]
    assert bars == ["probe H (eV)", "probe C (eV)", "probe O (eV)"]
    assert [axes.get_title() for axes in figure.axes[:2]] == ["structure 0", "structure 1"]


def test_a_periodic_cell_has_no_surface(weights, two_molecules, tmp_path):
    cell = np.tile(10 * np.eye(3), (2, 1, 1))
    periodic = replace(two_molecules, cell=cell, pbc=np.ones((2, 3), dtype=bool))
    with pytest.raises(ValueError, match="around molecules, not in a periodic cell"):
        of_models.chemical_potential(weights, periodic, tmp_path / "a")
