"""Configuration files that YAML would misread, or refuse with a traceback."""

import pytest

from tutti.core.registry import ConfigError
from tutti.workflow.reading import read


@pytest.fixture
def written(tmp_path):
    """Function that reads a file of these bytes."""

    def result(content):
        path = tmp_path / "mine.yaml"
        path.write_bytes(content)
        return read(path)

    return result


def test_an_empty_file_is_an_empty_mapping(written):
    assert written(b"") == written(b"# nothing\n") == {}


def test_text_is_utf8_and_merge_keys_are_yaml(written):
    content = "a: {b: &b {x: 1, y: é}}\nc: &c {<<: *b, x: 2}\nd: {<<: *c, y: 3}\n"
    assert written(content.encode()) == {
        "a": {"b": {"x": 1, "y": "é"}},
        "c": {"x": 2, "y": "é"},
        "d": {"x": 2, "y": 3},
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"run: mine\nseeds: [0\nreport: {}\n", r":3:7: no YAML: while parsing a flow sequence: "),
        (b"run: mine\n\tseeds: [0]\n", r":2:1: no YAML: "),
        (b"run: *unknown\n", r":1:6: no YAML: .*undefined alias"),
        (b"run: !!python/object:os.system x\n", r":1:6: no YAML: could not determine a constructor"),
        (b"run: mine\n---\nrun: other\n", r":2:1: no YAML: expected a single document"),
        (b"run: \x00\n", r": no YAML: "),
        (b"- run\n- seeds\n", r":1:1: holds no mapping"),
        (b"run\n", r":1:1: holds no mapping"),
        ("run: mine\ntitle: été\n".encode("latin-1"), r":2:8: no UTF-8: byte 0xe9"),
        (b"run: a\nseeds: [0]\nrun: b\n", r":3:1: the key 'run' stands twice, in lines 1 and 3"),
        (b"a:\n  - b: 1\n    b: 2\n", r":3:5: the key 'b' stands twice, in lines 2 and 3"),
        (b"a: {[1]: 2}\n", r":1:5: no YAML: "),
    ],
)
def test_mistakes_have_file_line_and_column(written, content, message):
    with pytest.raises(ConfigError, match=r"mine\.yaml" + message):
        written(content)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"mine\.yaml: cannot be read: No such file"):
        read(tmp_path / "mine.yaml")
