"""Progress of long loops: a bar on a terminal, else a line every tenth of the way (see `logs.announce`)."""

import sys
import time

from tqdm import tqdm

from tutti.logs import announce


class Progress:
    """Counts from `done` to `total`; `silent` shows nothing."""

    def __init__(self, what: str, total: int, done: int = 0, silent: bool = False) -> None:
        self.what, self.total, self.done, self.silent = what, total, done, silent
        self.bar = tqdm(
            desc=what, total=total, initial=done, disable=silent or not sys.stderr.isatty(), file=sys.stderr
        )
        self.started = time.perf_counter()

    def update(self, n: int = 1, **values: float) -> None:
        """`n` more are done; `values` are shown beside."""
        before, self.done = self.done, self.done + n
        shown = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in values.items())
        self.bar.set_postfix_str(shown, refresh=False)
        self.bar.update(n)
        if self.bar.disable and not self.silent and 10 * self.done // self.total > 10 * before // self.total:
            seconds = time.perf_counter() - self.started
            line = f"{self.what}: {self.done}/{self.total} after {seconds:.0f} s"
            announce(f"{line}, {shown}" if shown else line)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self.bar.close()
