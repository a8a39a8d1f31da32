# Signals on the sphere: how well few spherical harmonics describe sharp densities.
rule fit_signals:
    input:
        code=plan.code("fit_signals"),
    output:
        layout.fits("{target}", "{family}", "{lmax}"),
    log:
        layout.log("signals", "{target}", "{family}", "lmax{lmax}"),
    wildcard_constraints:
        target="random_points|octahedron",
        family=r"\w+",
        lmax=r"\d+",
    conda:
        "../../envs/tutti.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        settings=lambda wildcards: plan.signals.arguments(wildcards.target),
    script:
        "../../scripts/fit_signals.py"
