import pandas as pd
import pytest

from tutti.core import parquet


def test_frames_come_back_one_after_another(tmp_path):
    first = pd.DataFrame({"id": ["a", "b"], "bonds": [[1, 2], []], "flag": pd.array([True, None], "boolean")})
    second = pd.DataFrame({"id": ["c"], "bonds": [[3]], "flag": pd.array([False], "boolean")})
    paths = [tmp_path / "1.parquet", tmp_path / "2.parquet"]
    for frame, path in zip((first, second), paths, strict=True):
        parquet.write(frame, path)
    both = parquet.read(paths)
    assert both["id"].tolist() == ["a", "b", "c"]
    assert [list(bonds) for bonds in both["bonds"]] == [[1, 2], [], [3]]
    assert both["flag"].dtype == "boolean"
    assert both["flag"].isna().tolist() == [False, True, False]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "1.parquet"
    parquet.write(pd.DataFrame({"a": [1]}), path)
    with pytest.raises(Exception, match="object"):
        parquet.write(pd.DataFrame({"a": [object()]}), path)
    assert parquet.read([path])["a"].tolist() == [1]
