import pytest

from tutti.core import progress
from tutti.core.progress import Progress


@pytest.fixture
def lines(monkeypatch, capsys):
    """Lines that a loop of `n` steps, each of so many seconds, writes."""

    def run(n, seconds, **options):
        now = [0.0]
        monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
        shown = Progress("sampling", n, **options)
        while shown.done < n:
            now[0] += seconds
            shown.update()
        shown.close()
        return capsys.readouterr().err.splitlines()

    return run


def test_a_line_per_tenth(lines):
    found = lines(40, 2.0)
    assert len(found) == 10
    assert found[0] == "sampling: 4/40 after 8 s"
    assert found[-1] == "sampling: 40/40 after 80 s"


def test_a_fast_loop_writes_its_end_only(lines):
    assert lines(1000, 0.001) == ["sampling: 1000/1000 after 1 s"]


def test_a_slow_loop_writes_every_minute(lines):
    found = lines(10_000, 1.0)
    assert 10_000 / 70 < len(found) < 10_000 / 55


def test_values_are_shown_and_silence_is_kept(lines, capsys):
    shown = Progress("training", 2, done=1)
    shown.update(validation_loss=0.123456)
    assert capsys.readouterr().err == "training: 2/2 after 0 s, validation loss 0.1235\n"
    assert lines(10, 10.0, silent=True) == []
