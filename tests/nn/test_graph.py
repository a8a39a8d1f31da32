import torch

from tutti.nn.graph import EdgeGraph
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


def test_graph_onto_some_nodes_keeps_exactly_their_edges():
    n_atoms = torch.tensor([4, 5])
    positions = torch.rand(9, 3, generator=torch.Generator().manual_seed(0))
    graph = EdgeGraph.of_molecules(positions, n_atoms, 5.0, 2)
    nodes = torch.tensor([6, 1])
    part = graph.onto(nodes, 9)
    expected = {
        (int(r), int(s)) for r, s in zip(graph.receivers, graph.senders, strict=True) if int(r) in (6, 1)
    }
    assert {(int(nodes[r]), int(s)) for r, s in zip(part.receivers, part.senders, strict=True)} == expected
    whole = {
        (int(r), int(s)): f for r, s, f in zip(graph.receivers, graph.senders, graph.frames(2), strict=True)
    }
    for r, s, frame in zip(part.receivers, part.senders, part.frames(2), strict=True):
        assert torch.equal(frame, whole[int(nodes[r]), int(s)])


def test_atoms_on_one_spot_give_finite_frames():
    graph = EdgeGraph.of_molecules(torch.zeros(2, 3), torch.tensor([2]), 5.0, 3)
    assert bool(torch.isfinite(graph.frames(3)).all())
