import math
import re

import numpy as np
import pytest
import torch
from e3nn import o3
from edm_models import MOLECULES, WATER
from scipy import stats
from torch import Tensor

from tutti.core.structures import Structures
from tutti.models.generators.flow_matching import MODEL, Config, Sampling
from tutti.models.generators.flow_matching.field import Prediction
from tutti.models.generators.flow_matching.flow import Flow
from tutti.models.generators.flow_matching.integration import euler, midpoint, shifted
from tutti.models.generators.flow_matching.model import FlowMatching
from tutti.nn.egnn import FullPairs
from tutti.nn.neighbours import segment_index

SAMPLERS = ["euler", "midpoint", "renewal"]


def model(structures: Structures = MOLECULES, **options: object) -> FlowMatching:
    torch.manual_seed(0)
    made = MODEL(Config(layers=2, channels=8, max_size=6, coordinate_range=2.0, **options)).double().eval()
    with torch.no_grad():
        for block in made.network.blocks:
            block.weight_out.weight.mul_(500.0)  # which starts next to 0
    made.fit_statistics(structures)
    return made


def silent(structures: Structures, **options: object) -> FlowMatching:
    """A model whose network has nothing to say: what remains is the closed form."""
    flow = model(structures, **options)
    with torch.no_grad():
        for parameter in (
            *flow.network.readout.parameters(),
            *(b.weight_out.weight for b in flow.network.blocks),
        ):
            parameter.zero_()
    return flow


def predicted(flow: FlowMatching, x: Tensor, h: Tensor, t: float, n_atoms: Tensor) -> Prediction:
    pairs, times = FullPairs.of_molecules(n_atoms), torch.full((len(x), 1), t).double()
    with torch.no_grad():
        return flow.predict(x, h, times, segment_index(n_atoms), n_atoms, pairs)


def test_paths_are_straight_from_centred_aligned_noise_to_the_molecule(monkeypatch):
    flow, n, seen = model(noise_width=2.0, type_scale=0.3), 4000, []
    batch = flow.collate(MOLECULES, np.zeros(n, dtype=int), np.random.default_rng(0))
    inner = flow.predict
    monkeypatch.setattr(flow, "predict", lambda *given: seen.append(given) or inner(*given))
    flow.training_step(batch)
    x, h, times = (v.view(n, 3, -1) for v in seen[0][:3])
    t = times[:, :1]
    assert stats.kstest(t.flatten(), "uniform").pvalue > 1e-3
    molecule = torch.tensor(WATER[1]) - torch.tensor(WATER[1]).mean(0)
    start = (x - t * molecule) / (1 - t)
    early = t.flatten() < 0.9  # where noise is left to divide
    assert start[early].mean(1).abs().max() < 1e-6
    # Turning and reordering leave the size of the noise: 6 normal numbers of width 2, of three centred atoms.
    size = start[early].square().sum((1, 2)).numpy() / 4
    assert stats.kstest(size, stats.chi2(6).cdf).pvalue > 1e-3
    cost = (start - molecule)[early].square().sum((1, 2)).mean()
    assert cost < 0.7 * (24 + molecule.square().sum())  # what it is on average without alignment
    types = 0.3 * torch.eye(5).double()[[3, 0, 0]]
    assert stats.kstest(((h - t * types) / (1 - t))[early].flatten().numpy(), "norm").pvalue > 1e-3


@pytest.mark.parametrize("shift", [1.0, 4.0])
def test_odds_of_times_are_shifted(shift):
    flow = model(shift=shift)
    drawn = flow.collate(MOLECULES, np.zeros(4000, dtype=int), np.random.default_rng(0)).times.numpy()
    odds = drawn / (1 - drawn) / shift
    assert stats.kstest(odds / (1 + odds), "uniform").pvalue > 1e-3
    assert shifted(0.0, shift) == 0 and shifted(1.0, shift) == 1


@pytest.mark.parametrize(("step", "order"), [(euler, 1), (midpoint, 2)])
def test_integrators_have_their_orders(step, order):
    """dz/dt = cos(5 t) z, whose solution is exp(sin(5 t) / 5)."""

    def error(n: int) -> float:
        z = torch.ones((), dtype=torch.float64)
        for k in range(n):
            z = step(lambda z, t: math.cos(5 * t) * z, z, k / n, 1 / n)
        return abs(float(z) - math.exp(math.sin(5) / 5))

    assert math.log2(error(200) / error(400)) == pytest.approx(order, abs=0.05)


def knows(molecule: Tensor, species: Tensor):
    """The optimal field of a data set of one molecule: towards its atoms, to be there at t = 1."""

    def predict(x, h, times, *rest):
        n = len(x) // len(molecule)
        log_types = torch.log(torch.eye(5).double()[species].repeat(n, 1))
        return Prediction((molecule.repeat(n, 1) - x) / (1 - times), log_types)

    return predict


@pytest.mark.parametrize(
    ("sampler", "evaluations"), [("euler", 1), ("euler", 7), ("midpoint", 2), ("renewal", 3)]
)
def test_the_optimal_field_of_one_molecule_leads_to_it_in_any_number_of_steps(
    sampler, evaluations, monkeypatch
):
    flow, n = model(MOLECULES[[4]]), 20
    batch = flow.collate(MOLECULES, np.full(n, 4), np.random.default_rng(0))
    molecule = batch.positions[:4]
    monkeypatch.setattr(flow, "predict", knows(molecule, batch.species[:4]))
    loss, parts = flow.training_step(batch)
    assert float(loss) < 1e-20 and set(parts) == {"positions", "types"}
    settings = Sampling(sampler=sampler, evaluations=evaluations)
    samples = flow.sample(n, torch.Generator().manual_seed(0), settings)
    assert samples.columns["finished"].all() and (samples.numbers.reshape(n, 4) == [7, 1, 1, 1]).all()
    np.testing.assert_allclose(samples.positions.reshape(n, 4, 3) - molecule.numpy(), 0, atol=1e-12)


def test_loss_by_hand():
    flow = model(type_scale=0.4, type_weight=3.0)
    batch = flow.collate(MOLECULES, np.arange(5), np.random.default_rng(1))
    loss, parts = flow.training_step(batch)
    positions = types = 0.0
    for k, t in enumerate(batch.times.tolist()):
        own = batch.molecule == k
        start, end = batch.noise[own], batch.positions[own]
        h = (1 - t) * batch.type_noise[own] + t * 0.4 * torch.eye(5).double()[batch.species[own]]
        found = predicted(flow, (1 - t) * start + t * end, h, t, batch.n_atoms[[k]])
        a, b, c = (float(getattr(flow.field, name)) for name in ("noise", "data", "coupling"))
        rest = (a * b - c**2) / ((1 - t) ** 2 * a + t**2 * b + 2 * t * (1 - t) * c)
        positions += float((found.velocity - (end - start)).square().sum()) / rest
        types -= float(found.log_types[torch.arange(int(own.sum())), batch.species[own]].sum())
    assert float(parts["positions"]) == pytest.approx(0.5 * positions / 4 / 5, rel=1e-6)
    assert float(parts["types"]) == pytest.approx(3.0 * types / 4 / 5, rel=1e-6)
    assert float(loss.detach()) == pytest.approx(float(parts["positions"] + parts["types"]), rel=1e-12)


@pytest.mark.parametrize("t", [0.0, 0.3, 0.8])
def test_without_the_network_it_is_the_best_for_independent_atoms(t):
    """Regression of the velocity on the positions, and Bayes' theorem for the types."""
    flow, n = silent(MOLECULES, noise_width=1.5, type_scale=0.4), 3000
    batch = flow.collate(MOLECULES, np.tile(np.arange(5), n), np.random.default_rng(2))
    x = (1 - t) * batch.noise + t * batch.positions
    h = (1 - t) * batch.type_noise + t * 0.4 * torch.eye(5).double()[batch.species]
    velocity, log_types = predicted(flow, x, h, t, batch.n_atoms)
    target = (batch.positions - batch.noise).flatten()
    (slope,), (left,), *_ = np.linalg.lstsq(x.reshape(-1, 1).numpy(), target.numpy(), rcond=None)
    moments = flow.field.moments(torch.tensor(t).double())
    np.testing.assert_allclose(velocity, moments.slope * x, atol=1e-12)
    assert float(moments.slope) == pytest.approx(slope, abs=0.03)
    assert float(moments.rest) == pytest.approx(math.sqrt(left / len(target)), rel=0.03)
    assert float(moments.width) == pytest.approx(float(x.std(correction=0)), rel=0.03)
    shares = np.bincount([[1, 6, 7, 8, 9].index(z) for z in MOLECULES.numbers], minlength=5) / 12
    joint = np.log(shares) + stats.norm(t * 0.4 * np.eye(5), 1 - t).logpdf(h.numpy()[:, None]).sum(2)
    joint -= np.logaddexp.reduce(joint, axis=1, keepdims=True)
    np.testing.assert_allclose(log_types, joint, rtol=1e-6, atol=1e-6)


def test_the_exact_flow_samples_the_distribution():
    """Types of independent atoms by their shares, and positions as wide as those of the training set."""
    flow, n = silent(MOLECULES[[4]], type_scale=1.0), 1500
    samples = flow.sample(n, torch.Generator().manual_seed(0), Sampling(evaluations=80))
    assert set(samples.numbers) == {1, 7}
    share = np.mean(samples.numbers == 1)
    assert share == pytest.approx(0.75, abs=5 * math.sqrt(0.75 * 0.25 / (4 * n)))
    found = np.mean(samples.positions**2) / (0.75 * float(flow.field.data / flow.field.noise))
    assert found == pytest.approx(1.0, abs=5 * math.sqrt(2 / (9 * n)))


def test_velocity_is_centred_and_moves_with_the_molecule():
    flow, n_atoms = model(), torch.tensor([5, 1, 3])
    generator = torch.Generator().manual_seed(0)
    x, h = (torch.randn(9, k, dtype=torch.float64, generator=generator) for k in (3, 5))
    found = predicted(flow, x, h, 0.4, n_atoms)
    assert found.velocity.abs().max() > 0.05
    for part in found.velocity.split(n_atoms.tolist()):
        assert part.mean(0).abs().max() < 1e-14
    turn = -o3.angles_to_matrix(*torch.tensor([0.3, 1.2, -0.7], dtype=torch.float64))
    order = torch.tensor([2, 0, 4, 3, 1, 5, 8, 6, 7])
    new = predicted(flow, (x @ turn.T)[order], h[order], 0.4, n_atoms)
    torch.testing.assert_close(new.velocity, (found.velocity @ turn.T)[order], atol=1e-10, rtol=0)
    torch.testing.assert_close(new.log_types, found.log_types[order], atol=1e-10, rtol=0)


def test_samples_follow_the_histogram_and_a_molecule_is_the_same_in_any_batch():
    flow, sizes = model(), torch.tensor([4, 2, 3])

    class Noise(Flow):
        def noise(self):
            drawn = torch.randn(9, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
            first = {9: 0, 4: 0, 2: 4, 3: 6}[len(self.molecule)]
            return drawn[first : first + len(self.molecule)]

    for sampler in SAMPLERS:
        settings = Sampling(sampler=sampler, evaluations=4)
        with torch.no_grad():
            together, _ = Noise(flow, sizes, torch.Generator()).run(settings)
            alone = [Noise(flow, sizes[[k]], torch.Generator()).run(settings)[0] for k in range(3)]
        torch.testing.assert_close(together, torch.cat(alone), atol=1e-9, rtol=0)
    drawn = flow.sample(400, torch.Generator().manual_seed(0), Sampling(evaluations=2)).n_atoms
    counts = np.bincount(drawn, minlength=5)[1:]
    assert stats.chisquare(counts, 400 * np.array([0.2, 0.4, 0.2, 0.2])).pvalue > 1e-3


def test_evaluations_that_make_no_whole_steps_are_refused():
    with pytest.raises(ValueError, match=re.escape("evaluations is 25, must be a multiple of 2")):
        Sampling(evaluations=25)
    assert Sampling(sampler="euler", evaluations=25).evaluations == 25


def test_atoms_alone_have_no_width():
    """A data set of single atoms has no positions to learn, and nothing is divided by them."""
    flow = model(MOLECULES[[3]])
    loss, _ = flow.training_step(flow.collate(MOLECULES, np.array([3, 3]), np.random.default_rng(0)))
    assert torch.isfinite(loss)
    samples = flow.sample(3, torch.Generator().manual_seed(0), Sampling())
    assert (samples.numbers == 9).all() and (samples.positions == 0).all()
