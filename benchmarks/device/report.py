"""A section of docs/results/gpu.md from the files of a run."""

import json
from collections.abc import Iterable
from pathlib import Path

from device.inputs import ROOT

PAGE = ROOT / "docs/results/gpu.md"
BEGIN, END = "<!-- gpu:begin -->", "<!-- gpu:end -->"
PARTS = ("checks", "speed", "training")


def fill(folder: Path, page: Path) -> None:
    """Put what the files in `folder` say between the marks of `page`.

    Raises:
        FileNotFoundError: when the folder has no part's file.
        ValueError: when the page lacks the marks.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page}: lacks the lines {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n{section(folder)}{END}{after}", encoding="utf-8")


def section(folder: Path) -> str:
    """The text between the marks."""
    files = {name: folder / f"{name}.json" for name in PARTS}
    parts = {name: json.loads(f.read_text(encoding="utf-8")) for name, f in files.items() if f.exists()}
    if not parts:
        raise FileNotFoundError(f"{folder}: has none of {', '.join(f.name for f in files.values())}")
    results = {name: parts[name]["results"] if name in parts else {} for name in PARTS}
    blocks = [
        *dict.fromkeys(_about(part) for part in parts.values()),
        _rates(results["speed"]),
        _checks(results["checks"]),
        _steps(results["speed"]),
        _sampling(results["speed"]),
        _force_calls(results["speed"]),
        _training(results["training"]),
        _left(parts),
    ]
    return "\n".join(block for block in blocks if block) + "\n"


def _about(facts: dict) -> str:
    environment, precision = facts["environment"], facts["float32_matmul_precision"]
    versions = {name: environment["versions"][name] for name in ("torch", "e3nn")} | {
        "Python": environment["python"]
    }
    molecules, tf32 = facts["data"], "off" if precision == "highest" else "on"
    lines = [
        f"{facts['device']}; {facts['date']}, commit {facts['commit'] or 'unknown'};",
        ", ".join(f"{name} {version}" for name, version in versions.items()) + ";",
        f"`--minutes {facts['minutes']:g}`, sizes: {facts['size']}; float32, TF32 {tf32};",
        f"{molecules['molecules']:,} molecules of {molecules['source']}.",
    ]
    return "\n".join(lines) + "\n"


def _rates(results: dict[str, dict]) -> str:
    if "rates" not in results:
        return ""
    flops, moved = results["rates"]["flops"] / 1e12, results["rates"]["bytes"] / 1e9
    return f"Measured rates: {flops:.3g} TFLOP/s (float32 product), {moved:.4g} GB/s (copy).\n"


def _checks(results: dict[str, dict]) -> str:
    """One row per model: deviations from the CPU's float64."""
    rows = []
    for model, found in _by_model(results).items():
        cells = []
        for task in ("float64", "float32"):
            result = found.get(task)
            cells.append("" if result is None else _deviations(result))
        resumed, sampled = found.get("resume"), found.get("sampling")
        cells.append("" if resumed is None else f"{resumed['deviation']:.1e}{_verdict(resumed)}")
        cells.append("" if sampled is None else f"{sampled['atoms']:.3g} atoms{_verdict(sampled)}")
        peak = max(result["peak_memory_bytes"] for result in found.values())
        rows.append([model, *cells, f"{peak / 2**30:.2f}"])
    head = ["model", "float64", "float32", "resumed", "sampling", "peak memory (GiB)"]
    return _table("Deviations from the CPU in float64 (limits in checks.json)", head, rows)


def _deviations(result: dict) -> str:
    parts = [f"{name} {_number(value)}" for name, value in result["deviation"].items()]
    return ", ".join(parts) + _verdict(result)


def _verdict(result: dict) -> str:
    return "" if result["passed"] else " (**not passed**)"


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.0e}"


TIMES = ["ms", "ms by FLOPs", "ms by least bytes", "ms by all bytes", "fraction", "peak memory (GiB)"]


def _times(result: dict) -> list[str]:
    names = ("seconds", "flops_seconds", "least_bytes_seconds", "op_bytes_seconds")
    return [
        *(f"{1e3 * result[name]:.3g}" for name in names),
        f"{result['fraction']:.2f}",
        f"{result['peak_memory_bytes'] / 2**30:.2f}",
    ]


def _steps(results: dict[str, dict]) -> str:
    rows = []
    for model, found in _by_model(results).items():
        if step := found.get("training step"):
            batch = f"{step['batch_size']} of {step['mean_atoms']:.1f} atoms"
            waits = step.get("waits")  # unknown on a CPU, and of runs before it was counted
            last = f"{1e3 * step['collate_seconds']:.3g}", "" if waits is None else str(waits)
            rows.append([model, batch, *_times(step), *last])
    head = ["model", "batch", *TIMES, "ms to make the batch", "waits"]
    return _table("A training step", head, rows)


def _sampling(results: dict[str, dict]) -> str:
    rows = [
        [
            model,
            str(r["batch"]),
            f"{r['mean_atoms']:.1f}",
            f"{1e3 * r['seconds_per_molecule']:.3g}",
            *_times(r),
        ]
        for model, found in _by_model(results).items()
        for task, r in found.items()
        if task.startswith("sampling")
    ]
    head = ["model", "molecules", "atoms", "ms per molecule", *TIMES]
    return _table(
        "Sampling, untrained weights made to grow; the last columns are of a whole batch", head, rows
    )


def _force_calls(results: dict[str, dict]) -> str:
    rows = [
        [model, f"{r['atoms']:,}", f"{r['pairs']:,}", *_times(r), f"{1e3 * r['collate_seconds']:.3g}"]
        for model, found in _by_model(results).items()
        for task, r in found.items()
        if task.startswith("force call")
    ]
    return _table("Force calls on water", ["model", "atoms", "pairs", *TIMES, "ms for neighbours"], rows)


def _training(results: dict[str, dict]) -> str:
    rows = []
    for model, found in _by_model(results).items():
        trained, entry = found["training"], found["training"]["entry"]
        rows.append(
            [
                model,
                entry,
                f"{trained['steps_done']:,} ({trained['epochs']:.3g})",
                f"{1e3 * trained['tried'][entry]['seconds_per_step']:.3g}",
                "{first:.4g} to {lowest:.4g}".format(**trained["validation_loss"]),
                _made(found.get("samples")),
            ]
        )
    head = ["model", "entry", "steps (epochs)", "ms per step", "validation loss", "samples"]
    return _table("Training for an equal share of the time, and what the models then make", head, rows)


def _made(samples: dict | None) -> str:
    if samples is None:
        return ""
    counts = "{n} in batches of {batch}, {finished} finished, {not_finite} not finite".format(**samples)
    return f"{counts}, {samples['mean_atoms']:.1f} atoms, {1e3 * samples['seconds_per_molecule']:.3g} ms each"


def _left(parts: dict[str, dict]) -> str:
    """What is not in the tables, by name."""
    lines = []
    for kind, text in (("skipped", "No time for"), ("pending", "Not reached")):
        names = [f"{name} ({part})" for part, content in parts.items() for name in content[kind]]
        if names:
            lines.append(f"{text}: {', '.join(names)}.")
    for part, content in parts.items():
        lines += [f"Failed: {name} ({part}): `{error}`" for name, error in content["failed"].items()]
    return "\n\n".join(lines) + "\n" if lines else ""


def _by_model(results: dict[str, dict]) -> dict[str, dict[str, dict]]:
    grouped: dict[str, dict[str, dict]] = {}
    for name, result in results.items():
        model, separator, task = name.partition(": ")
        if separator:
            grouped.setdefault(model, {})[task] = result
    return grouped


def _table(title: str, head: list[str], rows: Iterable[list[str]]) -> str:
    rows = list(rows)
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return f"{title}:\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
