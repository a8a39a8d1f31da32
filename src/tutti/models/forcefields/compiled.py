"""Force calls and training steps as one compiled function each, derivatives included.

All operations of a call, those of its derivatives too, are recorded once as a graph in which the numbers of
structures, atoms and pairs are symbols. `torch.compile` writes C++ of it that runs through memory far less
often. One compilation (a minute or two of a processor; less when torch finds it in its cache) serves all
sizes. Numbers differ from those of the eager mode by rounding.
"""

import os
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from tutti.data.named import cache
from tutti.models.forcefields.batch import AtomicBatch

if TYPE_CHECKING:
    from tutti.models.forcefields.base import ForceField

Tensors = dict[str, Tensor]

_STRUCTURES, _PAIRS = ("n_atoms", "energy"), ("first", "second", "vectors")
AXES = dict.fromkeys(_STRUCTURES, "structures") | dict.fromkeys(_PAIRS, "pairs")
"""What the first axis of a tensor counts; atoms, where it is not named here."""

# Sizes that the graph is recorded with. No other size may be equal to one of them, or be taken for it.
_RECORDED = {"structures": 1009, "atoms": 2003, "pairs": 4001}

# Largest relative difference from the eager mode in the first call: more is an error of the compiler.
_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}

# What a training on energies logs, the second where there are forces.
LOGS = ("energy_mae", "forces_mae")


class Compiled:
    """A function of named tensors that is compiled at its first call, and checked against its eager self.

    Args:
        function: takes tensors by name, whose first axis counts what `AXES` says, and returns tensors; it
            may use the parameters and buffers of a module, which are taken as they are at each call.
        name: what it is, for the warning.
    """

    def __init__(self, function: Callable[[Tensors], list[Tensor]], name: str) -> None:
        self._function, self._name = function, name
        self._run: Callable[[Tensors], list[Tensor]] | None = None
        self._failed = False

    def __call__(self, tensors: Tensors) -> list[Tensor] | None:
        """The function's results; None where the caller has to go the eager way.

        That is for sizes of 0 and 1, for which torch would compile anew, and, after one warning, when
        anything about compiling fails: there is no C++ compiler, for example.
        """
        if self._failed or min(map(len, tensors.values())) < 2:
            return None
        try:
            if self._run is None:
                self._run = self._compile(tensors)
            with torch.no_grad():
                return self._run(tensors)
        except Exception as error:  # recorder, compiler and C++ compiler have kinds of their own
            self._failed, self._run = True, None
            reason = str(error).strip().partition("\n")[0]
            warnings.warn(
                f"{self._name} cannot be compiled and goes on without: {type(error).__name__}: {reason}",
                RuntimeWarning,
                stacklevel=3,
            )
            return None

    def forget(self) -> None:
        """Compile anew at the next call."""
        self._run = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_run": None}  # copies compile for themselves

    def _compile(self, tensors: Tensors) -> Callable[[Tensors], list[Tensor]]:
        example = {
            name: tensor.new_zeros(_RECORDED[AXES.get(name, "atoms")], *tensor.shape[1:])
            for name, tensor in tensors.items()
        }
        with torch.enable_grad():
            # The recorder counts the arguments of a function, and `self` among those of a method.
            function = lambda given: self._function(given)  # noqa: E731
            expected = self._function(tensors)
            graph = make_fx(function, tracing_mode="symbolic", _allow_non_fake_inputs=True)(example)
        # Torch's own place is a folder in /tmp that others could have made, with files that it unpickles.
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache() / "inductor"))
        run = torch.compile(graph, dynamic=True)
        with torch.no_grad():
            run(example)  # compiled for sizes that are all different: equal ones would have to stay so
            for found, wanted in zip(run(tensors), expected, strict=True):
                difference = (found - wanted).abs().max()
                if not difference <= _TOLERANCE[found.dtype] * wanted.abs().max().clamp_min(1.0):
                    raise RuntimeError(
                        f"compiled results differ by {float(difference):g} from the eager ones"
                    )
        return run


class ForceCall:
    """The compiled force call of a model; see `ForceField.compile_forces`."""

    def __init__(self, model: "ForceField") -> None:
        _check(model)
        self.model, self._compiled = model, Compiled(self.evaluate, "the force call")

    def __call__(self, batch: AtomicBatch) -> tuple[Tensor, Tensor] | None:
        """What `ForceField.differentiate` gives, where the compiled function can be called."""
        names = ("species", "first", "second", "vectors")
        found = self._compiled({name: getattr(batch, name) for name in names})
        return None if found is None else (batch.sum(found[0]), found[1])

    def forget(self) -> None:
        """Compile anew at the next call."""
        self._compiled.forget()

    def evaluate(self, tensors: Tensors) -> list[Tensor]:
        """Contributions [N] and the gradient of their sum by the pairs' vectors [P, 3]."""
        batch, model = AtomicBatch.of_tensors(tensors), self.model
        vectors = batch.vectors.detach().requires_grad_()
        contributions = model.contributions(batch, model.graph(batch, vectors))
        (gradient,) = torch.autograd.grad(contributions.sum(), vectors)
        return [contributions.detach(), gradient]


class TrainingStep:
    """The compiled training step of a model; see `ForceField.compile_training`."""

    def __init__(self, model: "ForceField") -> None:
        _check(model)
        if model.config.target != "energy":
            raise ValueError(f"compile: only for the target energy, not for {model.config.target}")
        self.model, self._compiled = model, Compiled(self.evaluate, "the training step")

    def __call__(self, batch: AtomicBatch) -> tuple[Tensor, dict[str, Tensor]] | None:
        """What `ForceField.loss` gives, where the compiled function can be called."""
        names = ("n_atoms", "structure", "species", "first", "second", "vectors")
        found = self._compiled({name: getattr(batch, name) for name in names} | dict(batch.targets))
        if found is None:
            return None
        parameters = self._parameters()
        (loss, *logs), gradients = found[: -len(parameters)], found[-len(parameters) :]
        return GivenGradient.apply(loss, gradients, *parameters), dict(zip(LOGS, logs, strict=False))

    def forget(self) -> None:
        """Compile anew at the next call."""
        self._compiled.forget()

    def evaluate(self, tensors: Tensors) -> list[Tensor]:
        """Loss, parts to log, and the loss's gradient by each parameter that is trained."""
        loss, logs = self.model.loss(AtomicBatch.of_tensors(tensors))
        gradients = torch.autograd.grad(loss, self._parameters(), allow_unused=True, materialize_grads=True)
        return [loss.detach(), *(logs[name].detach() for name in LOGS if name in logs), *gradients]

    def _parameters(self) -> list[Tensor]:
        return [p for p in self.model.parameters() if p.requires_grad]


def _check(model: "ForceField") -> None:
    if not model.gains_by_compiling:
        raise ValueError(f"compile: {model.module} was measured no faster compiled, and is not made for it")


class GivenGradient(torch.autograd.Function):
    """A loss that was computed with its gradient: `apply(loss, gradients, *parameters)` is the loss."""

    @staticmethod
    def forward(  # noqa: D102
        ctx,  # noqa: ANN001
        loss: Tensor,
        gradients: list[Tensor],
        *parameters: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(*gradients)
        return loss.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN001, D102
        return None, None, *(grad * gradient for gradient in ctx.saved_tensors)
