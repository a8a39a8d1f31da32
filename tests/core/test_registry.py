import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Optional

import pytest

from tutti.core import registry
from tutti.core.registry import ConfigError, from_dict


@dataclass(frozen=True)
class Radial:
    channels: int = 8
    cutoff: float = 5.0


@dataclass(frozen=True)
class Example:
    width: int
    rate: float = 0.1
    train: int | float | Literal["rest"] = "rest"
    layers: tuple[int, ...] = (1, 2)
    window: tuple[float, float] = (0.9, 2.0)
    radial: Radial = field(default_factory=Radial)
    second: Radial | None = None
    style: Literal["gaussian", "bessel"] = "bessel"
    title: Optional[str] = None  # noqa: UP045 (the old spelling must work too)
    weights: dict[str, float] = field(default_factory=dict)
    folder: Path = Path()
    loud: bool = False
    anything: Any = None

    def __post_init__(self):
        if self.width < 1:
            raise ValueError("width must be at least 1")


def test_every_annotation_is_converted():
    made = from_dict(
        Example,
        {
            "width": 3,
            "rate": 1,
            "layers": [4, 5, 6],
            "window": [1, 2.5],
            "radial": {"channels": 2},
            "second": {"cutoff": 6},
            "style": "gaussian",
            "title": "t",
            "weights": {"a": 1},
            "folder": "x/y",
            "loud": True,
            "anything": [1],
        },
        "here",
    )
    assert made == Example(
        width=3,
        rate=1.0,
        layers=(4, 5, 6),
        window=(1.0, 2.5),
        radial=Radial(2),
        second=Radial(cutoff=6.0),
        style="gaussian",
        title="t",
        weights={"a": 1.0},
        folder=Path("x/y"),
        loud=True,
        anything=[1],
    )
    assert isinstance(made.rate, float) and all(isinstance(x, float) for x in made.window)


@pytest.mark.parametrize("value", [100, 0.5, "rest"])
def test_union_keeps_the_type_that_was_written(value):
    made = from_dict(Example, {"width": 1, "train": value}, "here")
    assert made.train == value and type(made.train) is type(value)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (
            {"widht": 1},
            r"^here\.widht: unknown key 'widht'; did you mean 'width'\? \(known: anything, .*width",
        ),
        ({"width": 1, "zzzz": 1}, r"^here\.zzzz: unknown key 'zzzz'; \(known: "),
        ({"width": 1, 3: 1}, r"^here\.3: unknown key '3'"),
        ({"rate": 1.0}, r"^here: missing key\(s\) width"),
        ({"width": 0}, r"^here: width must be at least 1"),
        ({"width": 1.5}, r"^here\.width: expected int, got 1\.5"),
        ({"width": True}, r"^here\.width: expected int, got True"),
        ({"width": 1, "rate": "1e-4"}, r"here\.rate: expected float, got '1e-4' \(.*write 1\.0e-4\)"),
        ({"width": 1, "rate": "fast"}, r"here\.rate: expected float, got 'fast'$"),
        ({"width": 1, "rate": True}, r"here\.rate: expected float, got True"),
        ({"width": 1, "loud": 1}, r"here\.loud: expected bool, got 1"),
        ({"width": 1, "train": "all"}, r"here\.train: expected int or float or Literal\['rest'\], got 'all'"),
        ({"width": 1, "layers": 3}, r"here\.layers: expected a list, got 3"),
        ({"width": 1, "layers": [1, "a"]}, r"here\.layers\[1\]: expected int, got 'a'"),
        ({"width": 1, "window": [1.0]}, r"here\.window: expected a list of 2, got 1"),
        ({"width": 1, "radial": {"chanels": 2}}, r"here\.radial\.chanels: unknown key 'chanels'.*'channels'"),
        ({"width": 1, "second": {"cutof": 2}}, r"here\.second\.cutof: unknown key 'cutof'.*'cutoff'"),
        ({"width": 1, "radial": 5}, r"here\.radial: expected a mapping with keys of Radial, got 5"),
        ({"width": 1, "style": "besel"}, r"here\.style: unknown value 'besel'; did you mean 'bessel'\?"),
        ({"width": 1, "title": 5}, r"here\.title: expected str or null, got 5"),
        ({"width": 1, "weights": {"a": "b"}}, r"here\.weights\.a: expected float"),
        (None, r"^here: expected a mapping with keys of Example, got None"),
    ],
)
def test_wrong_mappings_name_place_and_remedy(mapping, message):
    with pytest.raises(ConfigError, match=message):
        from_dict(Example, mapping, "here")


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """A folder of bond assigners in the place of the package's own."""
    monkeypatch.setattr(registry, "ROOT", tmp_path)
    folder = tmp_path / "chemistry" / "bonds"
    (folder / "package").mkdir(parents=True)
    (folder / "plain.py").write_text("raise RuntimeError('imported')\ndef assign(numbers, positions): ...\n")
    (folder / "package" / "__init__.py").write_text("from tutti.somewhere import f as assign\n")
    (folder / "assigned.py").write_text("assign = print\n")
    (folder / "pool.py").write_text("def assign_all(): ...\n")
    return folder


def test_names_are_the_files_that_export_the_contract_and_nothing_is_imported(plugins):
    assert registry.names("bonds") == ["assigned", "package", "plain"]


def test_of_one_plugin_only_its_own_file_is_parsed(plugins):
    (plugins / "broken.py").write_text("def assign(:")
    assert registry.exports("bonds", "assigned") == {"assign"}
    with pytest.raises(SyntaxError):
        registry.names("bonds")


def test_kinds_without_a_folder_have_no_names(plugins):
    assert registry.names("forcefields") == []


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("bonds", "Assinged", r"no bonds module 'Assinged'; did you mean 'assigned'\?"),
        ("bonds", "pool", r"no bonds module 'pool'; \(known: assigned, package, plain\)"),
        ("bond", "plain", r"unknown kind of plug-in 'bond'; did you mean 'bonds'\?"),
    ],
)
def test_unknown_names_get_a_suggestion(plugins, kind, name, message):
    with pytest.raises(ConfigError, match=message):
        registry.module(kind, name)


@pytest.mark.parametrize("kind", registry.EXPORTS)
def test_every_plugin_of_the_package_imports_and_exports_its_contract(kind):
    for name in registry.names(kind):
        plugin = registry.module(kind, name)
        assert plugin is sys.modules[f"tutti.{registry.PACKAGES[kind]}.{name}"]
        for export in registry.EXPORTS[kind]:
            assert hasattr(plugin, export), f"tutti.{kind}.{name} has no {export}"
