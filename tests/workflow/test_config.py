import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tutti.core import registry
from tutti.core.registry import ConfigError
from tutti.workflow import config

ROOT = Path(__file__).resolve().parents[2]
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
    overrides = {"a": {"b": 4}, "f": {"g": 5}}
    merged = config.load([first, second], overrides)
    assert merged == {"a": {"b": 4, "c": [3], "e": 2}, "d": 1, "f": {"g": 5}}
    assert merged["f"] is not overrides["f"]


def test_an_override_of_one_entry_leaves_its_aliases_alone(tmp_path):
    file = tmp_path / "1.yaml"
    file.write_text("a: &a {b: &list [{c: 1}]}\nd: *a\ne: {<<: *a}\nf: *list\n")
    merged = config.load([file], {"d": {"b": 2}})
    assert merged == {"a": {"b": [{"c": 1}]}, "d": {"b": 2}, "e": {"b": [{"c": 1}]}, "f": [{"c": 1}]}
    parts = [part for value in ("a", "e") for part in (merged[value]["b"], merged[value]["b"][0])]
    parts += [merged["f"], merged["f"][0]]
    assert len(set(map(id, parts))) == len(parts)


def test_models_of_the_catalogue_that_share_an_alias_are_changed_one_by_one(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("models: {painn_demo: {training: {steps: 7}, resources: {threads: 3}}}")
    models = config.load([*FILES, mine])["models"]
    assert (models["painn_demo"]["training"]["steps"], models["painn_demo"]["resources"]["threads"]) == (7, 3)
    assert models["schnet_demo"] == config.load(FILES)["models"]["schnet_demo"]


def test_the_title_of_the_page_is_made_of_the_name_of_the_run(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("run: mine")
    assert config.load([*FILES, mine])["report"]["title"] == "mine"
    assert config.load([*FILES, mine], {"report": {"title": "Ours"}})["report"]["title"] == "Ours"


def test_nothing_heavy_is_imported_for_a_check_without_modules():
    program = f"""
import sys
from pathlib import Path
from tutti.workflow import config, schema
files = {[str(path) for path in FILES]}
assert not list(schema.mistakes(config.load(files), Path({str(ROOT / config.SCHEMAS)!r})))
print(sorted({{"torch", "pandas", "numpy", "rdkit", "ase"}} & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_what_was_checked_with_success_is_remembered(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr("tutti.workflow.catalogue.mistakes", lambda merged: calls.append(1) or wrong)
    package = tmp_path / "package"
    package.mkdir()
    (package / "module.py").write_text("1")
    monkeypatch.setattr(config, "PACKAGE", package)
    mine = tmp_path / "mine.yaml"

    def checked(text="run: mine"):
        mine.write_text(text)
        files = [*FILES, mine]
        config.check(config.load(files), files, ROOT / config.SCHEMAS, remember=tmp_path / "memory")
        return len(calls)

    wrong = [ConfigError("is wrong", "run")]
    for n in (1, 2):
        with pytest.raises(ConfigError, match="is wrong"):
            checked()
        assert len(calls) == n
    wrong = []
    assert [checked(), checked(), checked("run: other"), checked("run: other")] == [3, 3, 4, 4]
    (package / "module.py").write_text("2")
    assert [checked(), checked()] == [5, 5]
    data = tmp_path / "data.xyz"
    data.write_text("1\n\nH 0 0 0\n")
    study = f"datasets: {{qm9_demo: {{path: {data}}}}}"
    assert [checked(study), checked(study)] == [6, 6]
    data.write_text("1\n\nH 0 0 0\n" * 2)
    assert checked(study) == 7


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
        ("bonds: {parts: 0}", "mine.yaml: bonds.parts: 0 is less than the minimum of 1"),
        ("run: a/b", "mine.yaml: run: 'a/b' is no name: expected letters, digits and . _ -"),
        *(
            (f"run: {name}", "mine.yaml: run: ")
            for name in (
                "''",
                ".",
                "..",
                "../x",
                "/tmp/x",
                "-x",
                ".x",
                "'a\\n'",
                '"a\\n"',
                "'a{b}'",
                "a*",
                "a" * 81,
            )
        ),
        *(
            (f"{section}: {{{name}: {{kind: qm9}}}}", f"mine.yaml: {section}: ")
            for section in ("datasets", "models")
            for name in ("''", "..", "../x", "/x", "-x", ".x", '"a\\n"', '"a\\0"', "'{b}'", "a b", "a" * 81)
        ),
        (
            "generation: {sweeps: {../x: {model: symphony_demo, axes: {a: {config.x: [1]}}}}}",
            "mine.yaml: generation.sweeps: '../x' is no name",
        ),
        (
            "models: {Symphony_Demo: {kind: external, path: x.xyz}}",
            "mine.yaml: models.Symphony_Demo: differs from 'symphony_demo' in upper and lower case alone",
        ),
        (
            "models: {symphony_demo: {resources: {gpus: 1}}}",
            "mine.yaml: models.symphony_demo.resources.gpus: unknown key 'gpus'; did you mean 'gpu'?",
        ),
        (
            "models: {symphony_demo: {kind: generators}}",
            "mine.yaml: models.symphony_demo.kind: unknown value 'generators'; did you mean 'generator'?",
        ),
        (
            "datasets: {mine: {kind: qm9}}",
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
            "evaluation: {tables: [validity, strian]}",
            "mine.yaml: evaluation.tables: unknown name 'strian'; did you mean 'strain'?",
        ),
        (
            "evaluation: {controls: [test_splt]}",
            "mine.yaml: evaluation.controls: unknown name 'test_splt'; did you mean 'test_split'?",
        ),
        (
            "evaluation: {checks: {strian: {molecules: 1}}}",
            "mine.yaml: evaluation.checks.strian: unknown name 'strian'; did you mean 'strain'?",
        ),
        (
            "forcefields: {tables: [error]}",
            "mine.yaml: forcefields.tables: unknown name 'error'; did you mean 'errors'?",
        ),
        (
            "forcefields: {tables: [over_seeds]}",
            "mine.yaml: forcefields.tables: unknown name 'over_seeds'; (known: committee, dynamics, ",
        ),
        (
            "forcefields: {figures: [filter]}",
            "mine.yaml: forcefields.figures: unknown name 'filter'; did you mean 'filters'?",
        ),
        (
            "models: {jittered: {kind: external, path: theirs.xyz}}",
            "mine.yaml: models.jittered: stands for something else in the tables",
        ),
        (
            "models: {symphony_demo: {module: symphny}}",
            "mine.yaml: models.symphony_demo.module: no generators module 'symphny'; did you mean 'symphony'",
        ),
        (
            "datasets: {qm9_demo: {kind: qm8}}",
            "mine.yaml: datasets.qm9_demo.kind: no datasets module 'qm8'; did you mean 'qm9'?",
        ),
        (
            "datasets: {qm9_demo: {heavy_atom: 6}}",
            "mine.yaml: datasets.qm9_demo.heavy_atom: unknown key 'heavy_atom'; did you mean 'heavy_atoms'?",
        ),
        (
            "datasets: {qm9_demo: {split: {train: all}}}",
            "mine.yaml: datasets.qm9_demo.split.train: expected int or float or Literal['rest'], got 'all'",
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


def test_a_module_that_cannot_be_imported_is_named(mistake, monkeypatch):
    def broken(kind, name):
        if name == "edm":
            raise ImportError("No module named 'missing'")
        return registry.module(kind, name)

    monkeypatch.setattr("tutti.workflow.catalogue._module", broken)
    text = "models: {edm_demo: {config: {channels: 9}}}"
    expected = (
        "models.edm_demo.module: tutti.models.generators.edm cannot be imported: No module named 'missing'"
    )
    assert expected in mistake(text)


def test_all_mistakes_are_reported_at_once(mistake):
    message = mistake("seed: [1]\nbonds: {part: 1}\n")
    assert [line.split(":")[1].strip() for line in message.splitlines()] == ["seed", "bonds.part"]


def test_the_file_of_a_mistake_is_the_one_that_holds_the_key(tmp_path):
    broken, mine = tmp_path / "datasets.yaml", tmp_path / "mine.yaml"
    broken.write_text(FILES[0].read_text().replace("heavy_atoms", "heavy_atom", 1))
    mine.write_text("datasets: {qm9_demo: {expected_molecules: 9}}")
    with pytest.raises(ConfigError, match=r"/datasets\.yaml: datasets\.qm9_demo\.heavy_atom:"):
        check([broken, *FILES[1:], mine])


def test_values_from_the_command_line_are_named_so():
    merged = config.load(FILES) | {"seeds": "zero", "extra": 1}
    with pytest.raises(ConfigError) as error:
        config.check(merged, FILES, ROOT / config.SCHEMAS)
    assert str(error.value).count("command line (--config): ") == 2


def test_what_is_nested_on_the_command_line_has_its_type():
    given = {"steps": "8000", "rate": "0.5", "ema": "null", "on": "true", "name": "1: 2", "list": ["1", "a"]}
    typed = {"steps": 8000, "rate": 0.5, "ema": None, "on": True, "name": "1: 2", "list": [1, "a"]}
    merged = config.load([], {"models": {"symphony_demo": given}, "run": "007"})
    assert merged["models"]["symphony_demo"] == typed
    assert merged["run"] == "007"
