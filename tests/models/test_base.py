import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import toy_model
from tutti.core import registry
from tutti.core.files import sha256
from tutti.models import base

pytestmark = pytest.mark.usefixtures("toy_in_the_registry")


def fitted():
    model = toy_model.new_model(noise=0.25)
    model.fit_statistics(toy_model.data())
    return model


def test_save_and_load_round_trip(tmp_path):
    model = fitted()
    model.save(tmp_path / "new" / "folder")
    loaded = base.load(tmp_path / "new" / "folder")
    assert isinstance(loaded, toy_model.ToyModel) and not loaded.training
    assert loaded.config == toy_model.Config(noise=0.25)
    assert model.state_dict().keys() == loaded.state_dict().keys() == {"linear.weight", "linear.bias", "mean"}
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)
    assert loaded.mean != 0
    description = json.loads((tmp_path / "new" / "folder" / "config.json").read_text())
    assert description == {
        "kind": "generators",
        "module": "toy_model",
        "config": {"noise": 0.25},
        "tutti": description["tutti"],
        "seal": description["seal"],
    }


def test_saving_gives_the_same_bytes_and_leaves_nothing_else(tmp_path):
    for name in ("one", "two"):
        fitted().save(tmp_path / name)
    for file in ("weights.safetensors", "config.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert {path.name for path in (tmp_path / "one").iterdir()} == {"weights.safetensors", "config.json"}


def test_float64_weights_are_loaded_without_loss(tmp_path):
    model = fitted().double()
    model.mean.copy_(torch.tensor(1 / 3, dtype=torch.float64))
    model.save(tmp_path)
    loaded = base.load(tmp_path)
    assert loaded.dtype == torch.float64 and float(loaded.mean) == 1 / 3


class WithReference(toy_model.ToyModel):
    """A model with a buffer that is float64 in every precision."""

    def __init__(self, config):
        super().__init__(config)
        self.register_buffer("reference", torch.zeros(2, dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_precision_is_that_of_the_parameters(tmp_path, monkeypatch, dtype):
    monkeypatch.setattr(toy_model, "MODEL", WithReference)
    model = WithReference(toy_model.Config()).to(dtype)
    model.reference = torch.tensor([1 / 3, -1e4 / 7], dtype=torch.float64)
    model.save(tmp_path)
    loaded = base.load(tmp_path)
    assert {p.dtype for p in loaded.parameters()} == {loaded.mean.dtype} == {dtype}
    assert loaded.reference.dtype == torch.float64 and torch.equal(loaded.reference, model.reference)


def test_a_model_starts_from_the_weights_of_another(tmp_path):
    first = fitted()
    first.save(tmp_path)
    model = base.create("generators", "toy_model", {"noise": 0.5}, seed=7)
    assert base.start_from(model, tmp_path) == sha256(tmp_path / "weights.safetensors")
    for name, tensor in first.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)
    assert model.config.noise == 0.5 and model.training


@pytest.mark.parametrize("name", ["kind", "module"])
def test_the_weights_of_another_kind_of_model_are_no_start(tmp_path, monkeypatch, name):
    fitted().save(tmp_path)
    monkeypatch.setattr(toy_model.ToyModel, name, "other")
    with pytest.raises(ValueError, match=rf"its {name} is \w+, the model's is other"):
        base.start_from(fitted(), tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("mean"), 'Missing key.*"mean"'),
        (lambda state: state.update(extra=torch.zeros(2)), 'Unexpected key.*"extra"'),
        (
            lambda state: state.update({"linear.weight": torch.zeros(1, 4)}),
            r"linear.weight.*\[1, 4\].*\[1, 3\]",
        ),
    ],
)
def test_weights_of_another_shape_are_no_start(tmp_path, change, message):
    fitted().save(tmp_path)
    state = load_file(tmp_path / "weights.safetensors")
    change(state)
    fitted().save(tmp_path, state)
    with pytest.raises(ValueError, match=f"(?s)weights do not fit the model's configuration: .*{message}"):
        base.start_from(fitted(), tmp_path)


@pytest.mark.parametrize("file", ["weights.safetensors", "config.json"])
def test_a_missing_or_damaged_start_is_named(tmp_path, file):
    fitted().save(tmp_path)
    (tmp_path / file).write_bytes(b"{")
    with pytest.raises(ValueError, match=rf"{file}: (no JSON|has no checksum).*; delete it and train again"):
        base.start_from(fitted(), tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(FileNotFoundError, match=f"{file}: not found; train the model first"):
        base.start_from(fitted(), tmp_path)


def test_an_earlier_snapshot_can_be_written(tmp_path):
    model = fitted()
    earlier = base.snapshot(model)
    with torch.no_grad():
        model.linear.weight.zero_()
    model.save(tmp_path, earlier)
    assert torch.equal(base.load(tmp_path).linear.weight, fitted().linear.weight)


def test_weights_that_share_memory_are_saved(tmp_path):
    model = fitted()
    model.linear.bias = torch.nn.Parameter(model.linear.weight.detach().reshape(3)[:1])
    model.save(tmp_path)
    assert torch.equal(base.load(tmp_path).linear.bias, model.linear.bias)


def test_initial_weights_depend_on_the_seed_only():
    before = torch.get_rng_state()
    made = [base.create("generators", "toy_model", {"noise": 0.5}, seed) for seed in (0, 0, 1)]
    torch.rand(3)
    again = base.create("generators", "toy_model", {}, 0)
    assert torch.equal(made[0].linear.weight, made[1].linear.weight)
    assert torch.equal(made[0].linear.weight, again.linear.weight)
    assert not torch.equal(made[0].linear.weight, made[2].linear.weight)
    assert made[0].config.noise == 0.5
    torch.set_rng_state(before)
    base.create("generators", "toy_model", {}, 7)
    assert torch.equal(torch.get_rng_state(), before)


def test_wrong_config_is_refused():
    with pytest.raises(
        registry.ConfigError, match=r"config of toy_model.*unknown key 'nose'; did you mean 'noise'"
    ):
        base.create("generators", "toy_model", {"nose": 0.5}, 0)


@pytest.mark.parametrize("file", ["weights.safetensors", "config.json"])
def test_a_missing_file_is_named(tmp_path, file):
    fitted().save(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(FileNotFoundError, match=f"{file}: not found; train the model first"):
        base.load(tmp_path)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-4], lambda b: b"", lambda b: b[:20], lambda b: b"\x80\x04." * 9]
)
def test_damaged_weights_are_refused(tmp_path, damage):
    fitted().save(tmp_path)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"weights.safetensors: .*damaged.*; delete it and train again"):
        base.load(tmp_path)


def test_flipped_bits_are_refused(tmp_path):
    fitted().save(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        for place in range(0, 8 * len(whole), len(whole) // 4):
            damaged = bytearray(whole)
            damaged[place // 8] ^= 1 << place % 8
            path.write_bytes(damaged)
            with pytest.raises(ValueError, match=rf"{path.name}: .*; delete it and train again"):
                base.load(tmp_path)
        path.write_bytes(whole)
    base.load(tmp_path)


def test_an_edited_config_says_what_to_do(tmp_path):
    fitted().save(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(path.read_text().replace("0.25", "0.5"))
    with pytest.raises(ValueError, match=r'config.json: damaged.*; if you edited it, delete its line "seal"'):
        base.load(tmp_path)
    path.write_text("".join(line for line in path.open() if '"seal"' not in line))
    assert base.load(tmp_path).config.noise == 0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"kind": ', "config.json: no JSON"),
        ("[]", "config.json: no JSON object"),
        ('{"kind": "generators", "config": {}}', "config.json: not the config.json of a model"),
        ('{"kind": "generators", "module": "toy_mod", "config": {}}', "no generators module 'toy_mod'"),
    ],
)
def test_damaged_config_is_refused(tmp_path, text, message):
    fitted().save(tmp_path)
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        base.load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("mean"),
        lambda state: state.update(extra=torch.zeros(2)),
        lambda state: state.update({"linear.weight": torch.zeros(1, 4)}),
    ],
)
def test_weights_of_another_model_are_refused(tmp_path, change):
    fitted().save(tmp_path)
    state = load_file(tmp_path / "weights.safetensors")
    change(state)
    fitted().save(tmp_path, state)
    with pytest.raises(
        ValueError, match=r"(?s)weights.safetensors does not belong to config.json: .*(mean|extra|weight)"
    ):
        base.load(tmp_path)


def test_the_base_class_counts_structures():
    model = fitted()
    assert model.n_items(toy_model.data(17)) == 17
    assert model.device == torch.device("cpu") and model.dtype == torch.float32
    items = np.array([3, 5])
    batch = model.collate(toy_model.data(17), items, np.random.default_rng(0))
    assert batch.to(model.device).positions.shape == (2, 3)
