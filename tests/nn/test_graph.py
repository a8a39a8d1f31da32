import torch

from tutti.nn.graph import Arrivals, EdgeGraph, Neighbours
from tutti.nn.neighbours import molecule_pairs, segment_index


def brute_force(positions: torch.Tensor, molecule: list[int], cutoff: float) -> set[tuple[int, int]]:
    return {
        (i, j)
        for i in range(len(positions))
        for j in range(len(positions))
        if i != j and molecule[i] == molecule[j] and float((positions[i] - positions[j]).norm()) < cutoff
    }


def test_pairs_equal_a_double_loop_also_with_empty_and_single_molecules():
    n_atoms = torch.tensor([3, 0, 1, 6, 2, 0])
    positions = 3.0 * torch.rand(12, 3, generator=torch.Generator().manual_seed(0))
    molecule = segment_index(n_atoms).tolist()
    assert molecule == [0, 0, 0, 2, 3, 3, 3, 3, 3, 3, 4, 4]
    for cutoff in (0.5, 1.5, 10.0):
        receivers, senders = molecule_pairs(positions, n_atoms, cutoff)
        pairs = list(zip(receivers.tolist(), senders.tolist(), strict=True))
        assert len(set(pairs)) == len(pairs)
        assert set(pairs) == brute_force(positions, molecule, cutoff)
        assert receivers.tolist() == sorted(receivers.tolist())


def of_edges(graph: EdgeGraph) -> dict[tuple[int, int], tuple[float, torch.Tensor]]:
    """(receiver, sender) → length and frame of degree 2."""
    lengths = graph.distances.repeat_interleave(graph.ways)
    rows = zip(graph.receivers.tolist(), graph.senders.tolist(), lengths, graph.frames[2], strict=True)
    return {(receiver, sender): (float(r), frame) for receiver, sender, r, frame in rows}


def test_graph_has_both_edges_of_each_pair_next_to_each_other():
    n_atoms = torch.tensor([3, 0, 1, 4])
    positions = 3.0 * torch.rand(8, 3, generator=torch.Generator().manual_seed(0))
    graph = EdgeGraph.of_molecules(positions, n_atoms, 2.0, 2)
    assert set(of_edges(graph)) == brute_force(positions, segment_index(n_atoms).tolist(), 2.0)
    assert torch.equal(graph.receivers[::2], graph.senders[1::2])
    assert torch.equal(graph.receivers[1::2], graph.senders[::2])
    vectors = positions[graph.receivers[::2]] - positions[graph.senders[::2]]
    torch.testing.assert_close(graph.directions * graph.distances[:, None], vectors)


def test_graph_onto_some_nodes_keeps_exactly_their_edges():
    n_atoms = torch.tensor([4, 5])
    positions = torch.rand(9, 3, generator=torch.Generator().manual_seed(0))
    graph = EdgeGraph.of_molecules(positions, n_atoms, 5.0, 2)
    nodes = torch.tensor([6, 1])
    arrivals = Arrivals.at(nodes, Neighbours.of_molecules(positions, n_atoms, 5.0), 9)
    whole, part = of_edges(graph), of_edges(graph.onto(arrivals))
    expected = {pair: value for pair, value in whole.items() if pair[0] in (6, 1)}
    found = {(int(nodes[receiver]), sender): value for (receiver, sender), value in part.items()}
    assert set(found) == set(expected)
    for pair, (r, frame) in expected.items():
        assert found[pair][0] == r
        torch.testing.assert_close(found[pair][1], frame, atol=1e-5, rtol=0)


def test_atoms_on_one_spot_give_finite_frames():
    graph = EdgeGraph.of_molecules(torch.zeros(2, 3), torch.tensor([2]), 5.0, 3)
    assert all(bool(torch.isfinite(frame).all()) for frame in graph.frames)
