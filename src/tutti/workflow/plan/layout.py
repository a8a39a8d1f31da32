"""Where the files of a run lie.

Names may be wildcards, `{model}`: then what comes back is the pattern of a rule.
"""

from collections.abc import Iterable
from dataclasses import dataclass

WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class Layout:
    """Paths of the run `run`, relative to the working directory."""

    run: str

    @property
    def results(self) -> str:
        """Folder of everything that is made."""
        return f"results/{self.run}"

    def log(self, *names: str) -> str:
        """Log of a job, named by its rule and what it works on."""
        return f"logs/{self.run}/{'/'.join(names)}.log"

    def dataset(self, dataset: str) -> str:
        """Structures of a dataset."""
        return f"{self.results}/data/{dataset}.npz"

    def splits(self, dataset: str) -> str:
        """Which of its structures are for training, validation and test."""
        return f"{self.results}/data/{dataset}.splits.json"

    def training(self, dataset: str, model: str, seed: str, file: str = WEIGHTS) -> str:
        """A file of a training: `weights.safetensors`, `config.json`, `log.csv`, `train.json`."""
        return f"{self.results}/train/{dataset}/{model}/seed{seed}/{file}"

    def snapshot(self, dataset: str, model: str, seed: str, share: object, file: str = WEIGHTS) -> str:
        """The same of the weights after a share of a training: `weights.safetensors`, `config.json`."""
        return self.training(dataset, model, seed, f"snapshots/{share}/{file}")

    def calculator(self, dataset: str, model: str, seed: str) -> str:
        """What makes another code's calculator, and how its energies are aligned: `config.json`."""
        return f"{self.results}/calculators/{dataset}/{model}/seed{seed}/config.json"

    def samples(self, dataset: str, model: str, seed: str, suffix: str = ".extxyz") -> str:
        """Samples of a generator, or with `.json` how they were made."""
        return f"{self.results}/samples/{dataset}/{model}/seed{seed}{suffix}"

    def completions(self, dataset: str, model: str, seed: str, file: str) -> str:
        """Completed molecules: `train.npz`, `test.npz`, how they were made, and `verdicts.parquet`."""
        return f"{self.results}/completions/{dataset}/{model}/seed{seed}/{file}"

    def judged_folder(self, dataset: str, model: str, seed: str, part: str) -> str:
        """Folder of what was found out about a set of samples, or a part of it."""
        return f"{self.results}/judged/{dataset}/{model}/seed{seed}{part}"

    def judged(self, dataset: str, model: str, seed: str, part: str, file: str) -> str:
        """A file in that folder, see `judged_names`."""
        return f"{self.judged_folder(dataset, model, seed, part)}/{file}"

    def measured(self, dataset: str, model: str, seed: str, what: str = "") -> str:
        """Tidy rows of all tables of one set of samples or force field; `-speed` of what was timed alone."""
        return f"{self.results}/measured/{dataset}/{model}/seed{seed}{what}.parquet"

    def predictions(self, dataset: str, model: str, seed: str, part: str) -> str:
        """What a force field says of the structures of a part, `train` or `test`."""
        return f"{self.results}/predictions/{dataset}/{model}/seed{seed}/{part}.npz"

    def trajectory(self, dataset: str, model: str, seed: str, ensemble: str) -> str:
        """A simulation: `NVE`, `NVT`, or `rings` of path integrals."""
        return f"{self.results}/dynamics/{dataset}/{model}/seed{seed}/{ensemble}.npz"

    def probes(self, dataset: str, model: str, seed: str) -> str:
        """What a force field, or the reference, says when it is asked about physics."""
        return f"{self.results}/physics/{dataset}/{model}/seed{seed}.parquet"

    def fits(self, target: str, parametrisation: str, lmax: str) -> str:
        """Fits of signals on the sphere."""
        return f"{self.results}/signals/{target}/{parametrisation}/lmax{lmax}.npz"

    def table(self, name: str, form: str = "csv") -> str:
        """A table, as csv, md or tex."""
        return f"{self.results}/tables/{name}.{form}"

    def sums(self, folder: str = "") -> str:
        """Hashes of the tables in the folder `tables/`, or of all that is published."""
        return f"{self.results}/{folder}SHA256SUMS"

    def figure(self, name: str, form: str = "svg") -> str:
        """A figure, as svg or png."""
        return f"{self.results}/figures/{name}.{form}"

    def benchmark(self, rule: str, dataset: str, model: str, seed: str) -> str:
        """What Snakemake measured of a job."""
        return f"{self.results}/benchmarks/{rule}/{dataset}/{model}/seed{seed}.tsv"

    @property
    def page(self) -> str:
        """The report."""
        return f"{self.results}/report/index.html"


def judged_names(found_by: Iterable[str]) -> list[str]:
    """Names of files of a judged set: the samples, and what these assigners and checks found out."""
    return ["samples.npz", *(f"{name}.parquet" for name in found_by)]


def judged_in(folders: Iterable[str], found_by: Iterable[str]) -> list[str]:
    """Those files in each of these folders."""
    names = judged_names(found_by)
    return [f"{folder}/{name}" for folder in folders for name in names]
