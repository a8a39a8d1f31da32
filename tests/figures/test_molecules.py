"""Grid pictures."""

import pytest

from tutti.figures import molecules


def captions(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_every_sample_has_its_mark_and_caption(structures, verdicts, drawn, tmp_path):
    figure = drawn(molecules.draw, structures, verdicts, tmp_path / "grid", 99, 0)
    texts = captions(figure)
    pairs = sorted(zip(texts[::2], texts[1::2], strict=True))
    assert pairs == sorted(
        [("✓", "O"), ("✓", "C"), ("✓", "O=C=O"), ("✗", "non finite\ncoordinates"), ("✗", "no bonds")]
    )
    # What cannot be drawn has a caption and no picture.
    assert len(figure.axes[0].images) == 3


def test_the_seed_chooses_and_the_number_limits(structures, verdicts, drawn, tmp_path):
    chosen = [
        tuple(captions(drawn(molecules.draw, structures, verdicts, tmp_path / "grid", 2, seed))[1::2])
        for seed in (0, 0, 1, 2, 3)
    ]
    assert all(len(texts) == 2 for texts in chosen)
    assert chosen[0] == chosen[1]
    assert len(set(chosen)) > 1


def test_long_smiles_are_cut(structures, verdicts, drawn, tmp_path):
    verdicts["smiles"] = verdicts["smiles"].astype(object)
    verdicts.at[0, "smiles"] = "C" * 100
    figure = drawn(molecules.draw, structures[:1], verdicts.iloc[:1], tmp_path / "grid", 1, 0)
    assert captions(figure)[1] == f"{'C' * molecules.LINE}\n{'C' * molecules.LINE}…"


def test_nothing_to_draw_is_an_error(structures, verdicts, tmp_path):
    with pytest.raises(ValueError, match="0 structures"):
        molecules.draw(structures[:0], verdicts.iloc[:0], tmp_path / "grid", 4, 0)
    with pytest.raises(ValueError, match="5 structures and 2 verdicts"):
        molecules.draw(structures, verdicts.iloc[:2], tmp_path / "grid", 4, 0)


def test_two_drawings_have_the_same_bytes(structures, verdicts, same_bytes):
    same_bytes(lambda stem: molecules.draw(structures, verdicts, stem, 3, 0))
