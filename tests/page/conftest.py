"""A page of real judged molecules, and a browser that opens it."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from tutti.core.structures import Structures
from tutti.evaluation.request import Request
from tutti.evaluation.run import evaluate
from tutti.io import extxyz

N, REPEATED = 52, 8
TABLES = (
    "validity",
    "reasons",
    "posebusters",
    "geometry_with_hydrogens",
    "strain",
    "mmd_bond_length",
    "jsd",
)
WIDE, NARROW = 1400, 390


class Evaluated(NamedTuple):
    """Files of an evaluation."""

    folder: Path
    page: Path
    rows: pd.DataFrame


@pytest.fixture(scope="session")
def evaluated(chromium, relaxed, tmp_path_factory):
    """Molecules of QM9, some of them twice, and the same with noise and one that cannot be read.

    The second file has a name that addresses and numbers could trip over. Without a browser nothing is
    evaluated.
    """
    folder = tmp_path_factory.mktemp("page")
    bare = Structures(relaxed.n_atoms, relaxed.numbers, relaxed.positions)
    real = bare[np.arange(0, 780, 780 // N)][np.r_[np.arange(N), np.arange(REPEATED)]]
    noise = np.repeat(np.linspace(0.02, 0.12, len(real)), real.n_atoms)[:, None]
    moved = real.positions + noise * np.random.default_rng(0).normal(size=real.positions.shape)
    noisy, real_file, train = folder / "10% of noise.xyz", folder / "real.xyz", folder / "train.xyz"
    extxyz.write(noisy, Structures(real.n_atoms, real.numbers, moved))
    lines = noisy.read_text().splitlines()
    lines[2] = lines[2].split()[0] + " zero 0 0"
    noisy.write_text("\n".join(lines) + "\n")
    extxyz.write(real_file, real)
    extxyz.write(train, bare[np.arange(5, 780, 8)])
    out = folder / "judged"
    request = Request(
        inputs=(real_file, noisy), out=out, reference=train, compare=True, molecules=16, jobs=2, only=TABLES
    )
    evaluate(request)
    return Evaluated(out, out / "report/index.html", pd.read_parquet(out / "molecules.parquet"))


@pytest.fixture(scope="session")
def chromium():
    """The browser that TUTTI_CHROMIUM names, else the installed chromium; without one, tests skip."""
    asked = os.environ.get("TUTTI_CHROMIUM")
    executable = shutil.which(asked or "chromium")
    advice = f"no {asked or 'chromium'}; on Debian or Ubuntu: sudo apt-get install chromium"
    if executable is None and asked:
        pytest.fail(advice, pytrace=False)
    if executable is None:
        pytest.skip(advice)
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, evaluated):
    """A function that opens the page; what it says on the console or asks of a network fails the test."""
    faults, contexts = [], []

    def local(request):
        return request.url.partition("#")[0] == evaluated.page.as_uri() or request.url.startswith(
            ("data:", "blob:")
        )

    def watch(page):
        page.on("console", lambda message: faults.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on("request", lambda request: local(request) or faults.append(f"asked for {request.url}"))

    def visit(address="", width=WIDE, scheme="light", before=""):
        context = chromium.new_context(
            viewport={"width": width, "height": 1000}, color_scheme=scheme, reduced_motion="reduce"
        )
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.set_default_timeout(10_000)
        watch(page)
        if before:
            page.add_init_script(before)
        page.goto(address or evaluated.page.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def page(open_page):
    """The page on a wide screen."""
    return open_page()
