"""What is planned of signals on the sphere: fits of sharp densities by few spherical harmonics."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tutti.workflow.plan.layout import Layout

RANDOM, OCTAHEDRON = "random_points", "octahedron"
"""What is fitted."""


@dataclass(frozen=True)
class SignalPlan:
    """The fits.

    Attributes:
        config: the whole configuration.
        layout: of the files.
    """

    config: Mapping[str, Any]
    layout: Layout

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """The section `signals`; empty when none are fitted."""
        return self.config["signals"]

    @cached_property
    def random_fits(self) -> list[str]:
        """Files of the fits to peaks in random directions."""
        families, degrees = self.settings.get("parametrisations", []), self.settings.get("lmax", [])
        return [self.layout.fits(RANDOM, family, str(lmax)) for family in families for lmax in degrees]

    @cached_property
    def octahedron_fits(self) -> list[str]:
        """Files of the fits to six peaks."""
        degrees = self.settings.get("octahedron", {}).get("lmax", [])
        return [self.layout.fits(OCTAHEDRON, "symphony", str(lmax)) for lmax in degrees]

    @property
    def fits(self) -> list[str]:
        """All files."""
        return [*self.random_fits, *self.octahedron_fits]

    def arguments(self, target: str) -> dict[str, Any]:
        """Arguments of the fits to a target."""
        section = self.settings if target == RANDOM else self.settings["octahedron"]
        return {
            **{name: self.settings[name] for name in ("number", "points", "beta")},
            "channels": section["channels"],
            "settings": self.settings["fit"],
            "seed": self.config["seeds"][0],
        }
