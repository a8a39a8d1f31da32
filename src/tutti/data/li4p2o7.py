"""Li4P2O7: a glass quenched from its melt with DFT (PBE) forces (kind `li4p2o7`).

Batzner et al., Nature Communications 13, 2453 (2022), doi:10.1038/s41467-022-29939-5; Materials Cloud
Archive, doi:10.24435/materialscloud:s0-5n. Periodic, 208 atoms. The paper trains on the melt and tests on the
melt and on the quench. The archive is known to hold the quench, `lipo-quench.xyz`; the trajectory of the melt
has to be brought.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tutti import io
from tutti.core.files import sha256
from tutti.core.structures import Structures
from tutti.data.lips import fetch
from tutti.data.public import Public, check, check_periodic, with_source

FILE, FORMULA = "lipo-quench.xyz", "Li64P32O112"
TRAINING = 0.8
"""Share of the melt, from its beginning, to train on. A cut in time, for neighbouring frames are nearly the
same."""


@dataclass(frozen=True, kw_only=True)
class Config(Public):
    """No hash was found of the file, and no number of frames.

    Attributes:
        melt: the melt's trajectory, extended xyz in eV and Å; None to have the quench alone.
    """

    melt: Path | None = None


def make(config: Config, path: Path, work: Path, jobs: int) -> None:
    """Download the quench into `work` and write it, after the melt, to `path` (.npz of `Structures`).

    Columns: `subset`, "melt" or "quench"; with a melt also `split`: "train" for the first part of the melt,
    "test" for the rest of it and for the quench. `jobs` is not needed.

    Raises:
        tutti.data.download.DownloadError: when the file cannot be had.
        FileNotFoundError: when there is no file `config.melt`.
        tutti.io.FormatError, ValueError: when a file is not what it should be.
    """
    quench, file = fetch(config, FILE, FORMULA, None, work)
    if config.melt is None:
        quench = quench.with_columns(subset=np.full(len(quench), "quench"))
        with_source(quench, "Li4P2O7", file).save(path)
        return
    melt = replace(io.read(config.melt), columns={}, units={})
    check(melt, config.melt, FORMULA, None)
    check_periodic(melt, config.melt)
    name = f"Li4P2O7, melt {config.melt.name} sha256:{sha256(config.melt)}, quench"
    with_source(_joined(melt, quench), name, file).save(path)


def _joined(melt: Structures, quench: Structures) -> Structures:
    training = int(TRAINING * len(melt))
    sizes = [training, len(melt) - training + len(quench)]
    return Structures.concatenate([melt, quench]).with_columns(
        subset=np.repeat(["melt", "quench"], [len(melt), len(quench)]),
        split=np.repeat(["train", "test"], sizes),
    )
