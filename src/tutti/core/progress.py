"""Progress of long loops: a bar on a terminal, else a line now and then (see `logs.announce`)."""

import sys
import time

from tqdm import tqdm

from tutti.core.logs import announce

# s: a line for every tenth of the way, but not more often, and not more rarely.
SHORTEST, LONGEST = 5.0, 60.0


class Progress:
    """Counts from `done` to `total`; `silent` shows nothing."""

    def __init__(self, what: str, total: int, done: int = 0, silent: bool = False) -> None:
        self.what, self.total, self.done, self.silent = what, total, done, silent
        self.bar = tqdm(
            desc=what, total=total, initial=done, disable=silent or not sys.stderr.isatty(), file=sys.stderr
        )
        self.started = self.told = time.perf_counter()
        self.tenth = self._tenths()

    def update(self, n: int = 1, **values: float) -> None:
        """`n` more are done; `values` are shown beside."""
        self.done += n
        shown = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in values.items())
        self.bar.set_postfix_str(shown, refresh=False)
        self.bar.update(n)
        if self.bar.disable and not self.silent and self._is_time():
            self.told, self.tenth = time.perf_counter(), self._tenths()
            line = f"{self.what}: {self.done}/{self.total} after {self.told - self.started:.0f} s"
            announce(f"{line}, {shown}" if shown else line)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self.bar.close()

    def _is_time(self) -> bool:
        waited = time.perf_counter() - self.told
        further = self._tenths() > self.tenth
        return self.done >= self.total or waited > LONGEST or (further and waited > SHORTEST)

    def _tenths(self) -> int:
        return 10 * self.done // max(self.total, 1)
