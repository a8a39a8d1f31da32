"""Real molecules by name, wherever the package is installed: `--reference qm9`."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path

from tutti.core.locks import alone
from tutti.core.registry import closest
from tutti.core.seals import DamagedFile, verify

CACHE = "TUTTI_CACHE"
"""Environment variable: the folder for what is downloaded, instead of the user's folder of caches."""


def file_of(given: Path) -> Path | None:
    """What a user gives in place of a file or folder: itself where it exists, None where it is a name.

    A file or folder of that name in the working directory comes first.

    Raises:
        FileNotFoundError: when it is neither.
    """
    if given.exists():
        return given
    if str(given) in NAMED:
        return None
    if len(given.parts) == 1 and not given.suffix:
        raise FileNotFoundError(f"no file, folder or dataset {closest(str(given), NAMED)}")
    raise FileNotFoundError(f"{given}: no such file or folder")


def fetch(given: Path) -> Path:
    """The file or folder that a user gives, or the .npz of all molecules of the dataset that is named.

    Raises:
        FileNotFoundError: see `file_of`.
        tutti.data.download.DownloadError: when the dataset cannot be had.
    """
    found = file_of(given)
    return NAMED[str(given)]() if found is None else found


def cache() -> Path:
    """Folder for downloads and compiled code: that of `TUTTI_CACHE` in the environment, or the user's own."""
    import pooch

    return Path(os.environ.get(CACHE) or pooch.os_cache("tutti"))


def _qm9() -> Path:
    from tutti.data import qm9

    made = cache() / "qm9.npz"
    if not _whole(made):
        with alone(cache() / "qm9.lock", str(made), wait=True):
            if not _whole(made):  # by another command
                qm9.make(qm9.Config(), made, cache() / "qm9", jobs=1)
    return made


def _qm9_demo() -> Path:
    from tutti.data.shipped import EMBEDDED

    return EMBEDDED / "qm9_6.npz"


NAMED: dict[str, Callable[[], Path]] = {"qm9": _qm9, "qm9_demo": _qm9_demo}
"""What makes the file of a dataset, by its name in `config/datasets.yaml`."""


def _whole(path: Path) -> bool:
    try:
        verify(path)
    except FileNotFoundError:
        return False
    except DamagedFile as error:
        warnings.warn(f"{error.path}: {error.wrong}; it is made again", stacklevel=5)
        path.unlink()
        return False
    return True
