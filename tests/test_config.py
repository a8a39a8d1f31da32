from pathlib import Path

import pytest
import yaml

from tutti import config
from tutti.registry import ConfigError

ROOT = Path(__file__).resolve().parents[1]
FILES = [ROOT / name for name in config.FILES]
STUDIES = sorted(set((ROOT / "config").glob("*.yaml")) - set(FILES))


def check(files):
    config.check(config.load(files), files, ROOT / config.SCHEMAS)


@pytest.fixture
def mistake(tmp_path):
    """Function that gives the message for a study's text."""

    def message(text):
        mine = tmp_path / "mine.yaml"
        mine.write_text(text)
        with pytest.raises(ConfigError) as error:
            check([*FILES, mine])
        return str(error.value).replace(str(mine), "mine.yaml").replace(f"{ROOT}/", "")

    return message


@pytest.mark.parametrize("study", [None, *STUDIES], ids=lambda path: path.name if path else "demo")
def test_shipped_configurations_are_right(study):
    check([*FILES, *([study] if study else [])])


@pytest.mark.parametrize("path", [*FILES, *STUDIES], ids=lambda path: path.name)
def test_every_key_is_explained(path):
    readme = (ROOT / "config/README.md").read_text()
    for key in keys(yaml.safe_load(path.read_text())):
        assert f"`{key}`" in readme, f"config/README.md does not explain `{key}`"


def keys(mapping):
    """Keys of the workflow: not names of entries, and not settings of modules, which their code explains."""
    for key, value in mapping.items():
        yield key
        if key in ("datasets", "models"):
            for entry in value.values():
                yield from entry if key == "models" else {"kind", "split"}.intersection(entry)
                yield from entry.get("resources", {})
        elif isinstance(value, dict):
            yield from value


def test_load_merges_mappings_and_replaces_lists(tmp_path):
    first, second = tmp_path / "1.yaml", tmp_path / "2.yaml"
    first.write_text("a: {b: 1, c: [1, 2]}\nd: 1\n")
    second.write_text("a: {c: [3], e: 2}\n")
    assert config.load([first, second]) == {"a": {"b": 1, "c": [3], "e": 2}, "d": 1}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("seed: [1]", "mine.yaml: seed: unknown key 'seed'; did you mean 'seeds'?"),
        (
            "generation: {sample: 1}",
            "mine.yaml: generation.sample: unknown key 'sample'; did you mean 'samples'?",
        ),
        ("generation: {samples: many}", "mine.yaml: generation.samples: 'many' is not of type 'integer'"),
        ("seeds: [0, 0]", "mine.yaml: seeds: [0, 0] has non-unique elements"),
        ("bonds: {chunks: 0}", "mine.yaml: bonds.chunks: 0 is less than the minimum of 1"),
        ("run: a/b", "mine.yaml: run: 'a/b' does not match"),
        (
            "models: {symphony_demo: {resources: {gpus: 1}}}",
            "mine.yaml: models.symphony_demo.resources.gpus: unknown key 'gpus'; did you mean 'gpu'?",
        ),
        (
            "models: {symphony_demo: {kind: generators}}",
            "mine.yaml: models.symphony_demo.kind: unknown value 'generators'; did you mean 'generator'?",
        ),
        (
            "datasets: {mine: {kind: xtb9}}",
            "mine.yaml: datasets.mine: 'split' is a required property",
        ),
        (
            "generation: {models: [symphony_dmo]}",
            "mine.yaml: generation.models: unknown name 'symphony_dmo'; did you mean 'symphony_demo'?",
        ),
        (
            "bonds: {assigners: [xyz2mol, openbable]}",
            "mine.yaml: bonds.assigners: unknown name 'openbable'; did you mean 'openbabel'?",
        ),
        (
            "models: {symphony_demo: {module: symphny}}",
            "mine.yaml: models.symphony_demo.module: no generators module 'symphny'; did you mean 'symphony'",
        ),
        (
            "datasets: {xtb9_demo: {kind: xtb8}}",
            "mine.yaml: datasets.xtb9_demo.kind: no datasets module 'xtb8'; did you mean 'xtb9'?",
        ),
        (
            "datasets: {xtb9_demo: {heavy_atom: 6}}",
            "mine.yaml: datasets.xtb9_demo.heavy_atom: unknown key 'heavy_atom'; did you mean 'heavy_atoms'?",
        ),
        (
            "datasets: {xtb9_demo: {split: {train: all}}}",
            "mine.yaml: datasets.xtb9_demo.split.train: expected int or float or Literal['rest'], got 'all'",
        ),
        (
            "models: {symphony_demo: {training: {learning_rte: 0.1}}}",
            "mine.yaml: models.symphony_demo.training.learning_rte: unknown key 'learning_rte'; "
            "did you mean 'learning_rate'?",
        ),
        (
            "models: {symphony_demo: {sampling: {max_atom: 3}}}",
            "mine.yaml: models.symphony_demo.sampling.max_atom: unknown key 'max_atom'; "
            "did you mean 'max_atoms'?",
        ),
    ],
)
def test_mistakes_are_reported_with_file_key_and_remedy(mistake, text, line):
    assert mistake(text).startswith(line)


def test_all_mistakes_are_reported_at_once(mistake):
    message = mistake("seed: [1]\nbonds: {chunk: 1}\n")
    assert [line.split(":")[1].strip() for line in message.splitlines()] == ["seed", "bonds.chunk"]


def test_the_file_of_a_mistake_is_the_one_that_holds_the_key(tmp_path):
    broken, mine = tmp_path / "datasets.yaml", tmp_path / "mine.yaml"
    broken.write_text(FILES[0].read_text().replace("heavy_atoms", "heavy_atom", 1))
    mine.write_text("datasets: {xtb9_demo: {seed: 1}}")
    with pytest.raises(ConfigError, match=r"/datasets\.yaml: datasets\.xtb9_demo\.heavy_atom:"):
        check([broken, *FILES[1:], mine])


def test_values_from_the_command_line_are_named_so():
    merged = config.load(FILES) | {"seeds": "zero", "extra": 1}
    with pytest.raises(ConfigError) as error:
        config.check(merged, FILES, ROOT / config.SCHEMAS)
    assert str(error.value).count("command line (--config): ") == 2


def test_main_checks_every_study(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("seed: [1]")
    with pytest.raises(SystemExit) as good:
        config.main([*config.FILES, "config/standard.yaml"])
    assert good.value.code == 0
    with pytest.raises(SystemExit) as bad:
        config.main(["config/standard.yaml", str(wrong)])
    assert bad.value.code == 1
    assert "unknown key 'seed'" in capsys.readouterr().err
