"""PyTorch files of plain tensors: the arrays of `tutti.io.arrays` by name, nothing unpickled.

Read are a dictionary of such arrays, of many molecules padded to one size (EDM and relatives) or as lists
with an entry for each molecule; a list or tuple of dictionaries, each of one molecule or of a batch; and a
dictionary of dictionaries by number of atoms, as G-SchNet keeps what it generates
(https://github.com/atomistic-machine-learning/G-SchNet). `torch.load` runs with `weights_only`, which builds
tensors, numbers, text and containers and refuses everything else.
"""

import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from tutti.core import memory
from tutti.io import arrays, per_structure
from tutti.io.frames import Frame
from tutti.io.labels import Labels
from tutti.io.npz import scales
from tutti.io.text import FormatError, OtherContent

MOST = 10**8
"""Numbers in nested lists; a list may hold itself many times over, so that a small file has any number."""
PLAIN = "plain tensors by name, which need no unpickling"


def frames(path: Path, units: Mapping[str, str], labels: Labels) -> Iterator[Frame]:
    """Frames of a file in the units given, or said by arrays `r_unit` and `e_unit`.

    Raises:
        FormatError: when the file has to be unpickled, is malformed, or its units are not known.
    """
    return _frames(path, arrays.NAMES, units, labels, strict=True)


def samples(path: Path) -> Iterator[Frame]:
    """Frames of a file in order, in Å unless it says another unit: geometries are all that is read.

    Raises:
        FormatError: when the file has to be unpickled or is malformed.
    """
    return _frames(path, arrays.GEOMETRY, None, Labels(read=False), strict=False)


def _frames(
    path: Path, roles: Sequence[str], units: Mapping[str, str] | None, labels: Labels, strict: bool
) -> Iterator[Frame]:
    count, others = 0, ((), ())
    for part in _parts(_load(path), path):
        chosen = {role: name for role, name in arrays.chosen(part, labels).items() if role in roles}
        arrays.require(chosen, part, path)
        raw = per_structure.fitting({role: _array(part[name], name, path) for role, name in chosen.items()})
        if labels.read and not count:
            used = {
                *(chosen[role] for role in raw),
                *(name for key in labels.keys for name in arrays.NAMES[key]),
            }
            shapes = {
                str(name): np.shape(value) for name, value in part.items() if name in used or _is_array(value)
            }
            others = per_structure.left(shapes, used, raw["positions"].shape, path)
        found = _batch(raw)
        given = units if units is not None or "length_unit" in found else {"length": "Å"}
        scale = scales(found, set(part), given or {}, path)
        for frame in arrays.molecules(found, path, scale, count, strict):
            count += 1
            frame.scalars, frame.vectors = others
            yield frame


def _load(path: Path) -> object:
    # Torch takes a second to import, which readers of other formats need not wait for.
    import torch

    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                memory.require(path, sum(member.file_size for member in archive.infolist()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickle protocols: what cannot be read is an error anyway
            return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, MemoryError, memory.LimitError):
        raise
    except Exception as error:  # a damaged file raises errors of a dozen types
        if "DefaultCPUAllocator" in str(error):
            raise MemoryError from error
        culprit = re.search(r"GLOBAL (\S+)", str(error))
        reason = f"an object of {culprit[1]}" if culprit else "no such file of torch.save"
        hint = "; save tensors where it was made: torch.save({'positions': x, 'numbers': z}, 'samples.pt')"
        raise FormatError(str(path), PLAIN, reason + hint) from error


def _parts(content: object, path: Path) -> Iterator[Mapping[str, object]]:
    """Dictionaries of arrays, each of one molecule or a batch of them."""
    if isinstance(content, list | tuple) and content and all(isinstance(each, dict) for each in content):
        yield from content
    elif not isinstance(content, dict):
        raise OtherContent(str(path), "a dictionary of arrays by name, or a list of them", _shown(content))
    elif content and all(isinstance(each, dict) for each in content.values()):
        yield from content.values()
    else:
        yield from _each(content, path)


def _each(content: Mapping[str, object], path: Path) -> Iterator[Mapping[str, object]]:
    """The dictionary itself, or one for each entry where positions are a list of arrays."""
    positions = content.get(arrays.chosen(content).get("positions"))
    if not isinstance(positions, list | tuple):
        yield content
        return
    order = [name for name in arrays.chosen(content).values() if name in arrays.NAMES["order"]]
    lists = {
        name: value
        for name, value in content.items()
        if isinstance(value, list | tuple) and not (name in order and "one_hot" in arrays.chosen(content))
    }
    for name, value in lists.items():
        if len(value) != len(positions):
            raise FormatError(
                str(path), f"{len(positions)} entries in '{name}', as in positions", str(len(value))
            )
    for i in range(len(positions)):
        yield {**content, **{name: value[i] for name, value in lists.items()}}


def _array(value: object, name: str, path: Path) -> np.ndarray:
    import torch

    try:
        if isinstance(value, torch.Tensor):
            value = value.detach()
            # It may have any shape over one number, of which copies take what they seem to hold.
            memory.require(path, value.numel() * value.element_size())
            return (value.float() if value.dtype == torch.bfloat16 else value).numpy()
        _check_lists(value)
        array = np.array(value)
    except memory.LimitError:
        raise
    except (ValueError, TypeError, RuntimeError) as error:
        raise FormatError(str(path), f"an array in '{name}'", str(error)) from error
    if array.dtype.hasobject:
        raise FormatError(str(path), f"numbers or text in '{name}'", _shown(value))
    return array


def _check_lists(value: object) -> None:
    """Refuse nested lists of more numbers than `MOST`."""
    left, count = [value], 0
    while left:
        each = left.pop()
        if isinstance(each, list | tuple):
            count += len(each)
            left += [item for item in each if isinstance(item, list | tuple)]
        if count > MOST:
            raise ValueError(f"lists of more than {MOST:,} numbers")


def _is_array(value: object) -> bool:
    import torch

    return isinstance(value, torch.Tensor | np.ndarray)


def _batch(found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays of a molecule [atoms, ...] as those of a batch of one; a batch stays as it is."""
    if found["positions"].ndim != 2:
        return dict(found)
    shared = {"order", "length_unit", "energy_unit"}
    return {role: array if role in shared else array[None] for role, array in found.items()}


def _shown(value: object) -> str:
    return f"a {type(value).__name__}"
