from tutti.progress import Progress


def test_a_line_every_tenth_without_a_terminal(capsys):
    progress = Progress("training", total=40, done=10)
    for step in range(11, 41):
        progress.update(best_loss=1 / step)
    progress.close()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" after ")[0] for line in lines] == [f"training: {n}/40" for n in range(12, 41, 4)]
    assert lines[-1].endswith(", best loss 0.025")


def test_more_steps_at_once_and_silence(capsys):
    for silent in (False, True):
        progress = Progress("sampling", total=25, silent=silent)
        for n in (10, 10, 5):
            progress.update(n)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" after ")[0] for line in lines] == [f"sampling: {n}/25" for n in (10, 20, 25)]
