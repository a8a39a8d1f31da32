# Signals on the sphere: how well few spherical harmonics describe sharp densities.
SIGNALS = config["signals"]
OCTAHEDRON = SIGNALS.get("octahedron", {})
FITS = "results/{{run}}/signals/{target}/{family}/lmax{lmax}.npz"
RANDOM_FITS = expand(
    FITS,
    target="random_points",
    family=SIGNALS.get("parametrisations", []),
    lmax=SIGNALS.get("lmax", []),
)
OCTAHEDRON_FITS = expand(
    FITS, target="octahedron", family="symphony", lmax=OCTAHEDRON.get("lmax", [])
)


# Arguments of the fits, by target.
FIT_SETTINGS = {
    target: {name: SIGNALS[name] for name in ("number", "points", "beta")}
    | {
        "channels": section["channels"],
        "settings": SIGNALS["fit"],
        "seed": config["seeds"][0],
    }
    for target, section in (("random_points", SIGNALS), ("octahedron", OCTAHEDRON))
    if section
}


rule fit_signals:
    input:
        code=code("fit_signals", "signals.study"),
    output:
        "results/{run}/signals/{target}/{family}/lmax{lmax}.npz",
    log:
        "logs/{run}/signals/{target}/{family}/lmax{lmax}.log",
    wildcard_constraints:
        target="random_points|octahedron",
        family=r"\w+",
        lmax=r"\d+",
    conda:
        "../../envs/tutti.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        settings=lambda wildcards: FIT_SETTINGS[wildcards.target],
    script:
        "../../scripts/fit_signals.py"


rule signals_table:
    input:
        fits=[*RANDOM_FITS, *OCTAHEDRON_FITS],
        code=code("signals_table", "signals.study", "tables"),
    output:
        multiext("results/{run}/tables/signals", csv=".csv", md=".md", tex=".tex"),
    log:
        "logs/{run}/table/signals.log",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        seed=config["seeds"][0],
    script:
        "../../scripts/signals_table.py"


rule signals_figure:
    input:
        table="results/{run}/tables/signals.csv",
        code=code("signals_figure", "plots.signals", "tables"),
    output:
        multiext("results/{run}/figures/signals_by_{against}", ".svg", ".png"),
    log:
        "logs/{run}/figures/signals_by_{against}.log",
    wildcard_constraints:
        against="lmax|channels",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    script:
        "../../scripts/signals_figure.py"


rule octahedron_figure:
    input:
        fits=OCTAHEDRON_FITS,
        code=code("octahedron_figure", "plots.octahedron"),
    output:
        multiext("results/{run}/figures/octahedron", ".svg", ".png"),
    log:
        "logs/{run}/figures/octahedron.log",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        sharpness=lookup("signals/fit/sharpness", within=config, default=None),
    script:
        "../../scripts/octahedron_figure.py"


TABLES += ["signals"] if RANDOM_FITS or OCTAHEDRON_FITS else []


STUDY_FIGURES = {
    **{
        f"results/{{run}}/figures/signals_by_{against}.svg": (
            f"Fits of {SIGNALS['points']} sharp peaks in random directions: divergence of the fitted density from its "
            f"target against {against}, means over {SIGNALS['number']} targets with 95 % intervals. A channel of Simm "
            "et al. is complex: it has twice as many coefficients as one of Symphony."
        )
        for against in ("lmax", "channels")
        if RANDOM_FITS
    },
    **(
        {
            "results/{run}/figures/octahedron.svg": (
                "Six equivalent directions (circles), and what one channel and several make of them. Up to lmax 3 no "
                "function but the constant has the symmetry of an octahedron, so that a single channel stays uniform."
            )
        }
        if OCTAHEDRON_FITS
        else {}
    ),
}
