import pytest

from tutti.core import sources as module
from tutti.core.sources import PACKAGE, drop_stale, fingerprint, sources

FILES = {
    "__init__.py": "",
    "leaf.py": "",
    "lazy.py": "",
    "outside.py": "import numpy, os.path",
    "attribute.py": "from tutti.leaf import anything",
    "package/__init__.py": "from . import near",
    "package/near.py": "from ..leaf import x",
    "package/unused.py": "",
    "package/deep/__init__.py": "",
    "package/deep/end.py": "from tutti.package import near\n\ndef f():\n    from tutti import lazy",
    "ring_a.py": "import tutti.ring_b",
    "ring_b.py": "import tutti.ring_a as a",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(module, "PACKAGE", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        (["leaf"], "__init__ leaf"),
        (["outside"], "__init__ outside"),
        (["attribute"], "__init__ attribute leaf"),
        (["package"], "__init__ leaf package/__init__ package/near"),
        (
            ["package.deep.end"],
            "__init__ lazy leaf package/__init__ package/deep/__init__ package/deep/end package/near",
        ),
        (["ring_a"], "__init__ ring_a ring_b"),
        (["leaf", "lazy"], "__init__ lazy leaf"),
    ],
)
def test_sources_are_the_transitive_imports(package, modules, expected):
    found = {str(path.relative_to(package).with_suffix("")) for path in sources(*modules)}
    assert found == set(expected.split())


BLOCKS = """
if x:
    import tutti.a
elif y:
    import tutti.b
else:
    import tutti.c
for i in x:
    import tutti.d
else:
    import tutti.e
try:
    import tutti.f
except ValueError:
    import tutti.g
else:
    import tutti.h
finally:
    import tutti.i
match x:
    case 1:
        import tutti.j
async def f():
    async with x:
        import tutti.k
class A:
    while True:
        import tutti.l
"""


def test_imports_in_every_kind_of_block_count(tmp_path):
    (tmp_path / "x.py").write_text(BLOCKS)
    assert {name[-1] for name in module._imports("tutti.x", tmp_path / "x.py")[1:]} == set("abcdefghijkl")


def test_an_unknown_module_is_an_error(package):
    with pytest.raises(ModuleNotFoundError, match=r"tutti\.nothing"):
        sources("nothing")


def names(*modules):
    return {str(path.relative_to(PACKAGE)) for path in sources(*modules)}


def test_the_real_package_keeps_generators_force_fields_and_figures_apart():
    training = names("models.training.loop", "models.generators.symphony")
    assert {
        "models/training/loop.py",
        "core/structures.py",
        "models/generators/symphony/model.py",
    } <= training
    assert not any(name.startswith(("figures", "chemistry", "models/forcefields")) for name in training)
    assert not any("generators/" in name for name in names("models.training.loop"))


def test_a_scripts_own_imports_count(tmp_path):
    script = tmp_path / "job.py"
    script.write_text("with open('log'):\n    from tutti.core import files\n")
    found = sources("core.units", script=script)
    assert found[0] == script
    assert {path.name for path in found[1:]} == {"__init__.py", "files.py", "units.py"}


def test_the_fingerprint_changes_with_contents_and_parameters_only(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("1")
    second.write_text("2")
    original = fingerprint([first, second], {"x": 1, "y": [2]})
    first.touch()
    assert fingerprint([first, second], {"y": [2], "x": 1}) == original
    assert fingerprint([first, second], {"y": [2], "x": 2}) != original
    second.write_text("3")
    assert fingerprint([first, second], {"x": 1, "y": [2]}) != original


def test_stale_intermediates_are_dropped_and_others_kept(tmp_path):
    path = tmp_path / "out" / "last.ckpt"
    drop_stale(path, "one")
    path.write_text("state")
    drop_stale(path, "one")
    assert path.exists()
    drop_stale(path, "two")
    assert not path.exists()
    path.write_text("state")
    drop_stale(path, "two")
    assert path.exists()


def test_an_intermediate_of_unknown_origin_is_dropped(tmp_path):
    path = tmp_path / "last.ckpt"
    path.write_text("state")
    drop_stale(path, "one")
    assert not path.exists()
