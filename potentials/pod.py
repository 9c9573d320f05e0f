"""Proper orthogonal descriptors: the linear many-body model that LAMMPS fits and runs as ``pair_style pod``.

N.-C. Nguyen and A. Rohskopf, J. Comput. Phys. 480 (2023) 112030; N.-C. Nguyen, Phys. Rev. B 107 (2023) 144103.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from .guard import Guard
from .model import LammpsPotential, PairModel, Strict
from .source_file import SourceFile

if TYPE_CHECKING:
    from ..structures.element_map import ElementMap

PARAMETER_FILE, COEFFICIENT_FILE = "parameters.pod", "coefficients.pod"
_HIGHER = ("five", "six", "seven")


class PodBasis(Strict):
    """How many descriptors there are and how far they see.

    Attributes
    ----------
    inner_cutoff_A, cutoff_A
        The basis is made for distances between the two; what is further away than the second does not count.
    two_body
        Radial functions of the two-body part.
    three_body, three_body_degree
        Radial functions and angular degree of the three-body part.
    four_body, four_body_degree
        The same of the four-body part; 0 leaves it out.
    bessel_degree, inverse_degree
        Polynomial degrees of the functions that the radial ones are made of.
    """

    style: Literal["pod"] = "pod"
    inner_cutoff_A: float = Field(default=1.0, gt=0)
    cutoff_A: float = Field(default=5.0, gt=0)
    two_body: int = Field(default=8, ge=1)
    three_body: int = Field(default=5, ge=0)
    three_body_degree: int = Field(default=4, ge=0)
    four_body: int = Field(default=0, ge=0)
    four_body_degree: int = Field(default=0, ge=0)
    bessel_degree: int = Field(default=4, ge=1)
    inverse_degree: int = Field(default=8, ge=1)

    @model_validator(mode="after")
    def _fits(self) -> PodBasis:
        if self.inner_cutoff_A >= self.cutoff_A:
            raise ValueError("inner_cutoff_A has to lie below cutoff_A")
        if not self.two_body >= self.three_body >= self.four_body:
            raise ValueError("a higher body order cannot have more radial functions than a lower one")
        if self.three_body_degree < self.four_body_degree:
            raise ValueError("four_body_degree cannot exceed three_body_degree")
        return self

    def text(self, elements: tuple[str, ...]) -> str:
        """Return LAMMPS' file of parameters for the given elements."""
        lines = [
            f"species {' '.join(elements)}",
            "pbc 1 1 1",
            f"rin {self.inner_cutoff_A!r}",
            f"rcut {self.cutoff_A!r}",
            f"bessel_polynomial_degree {self.bessel_degree}",
            f"inverse_polynomial_degree {self.inverse_degree}",
            "onebody 1",
            f"twobody_number_radial_basis_functions {self.two_body}",
            f"threebody_number_radial_basis_functions {self.three_body}",
            f"threebody_angular_degree {self.three_body_degree}",
            f"fourbody_number_radial_basis_functions {self.four_body}",
            f"fourbody_angular_degree {self.four_body_degree}",
        ]
        for order in _HIGHER:
            lines += [f"{order}body_number_radial_basis_functions 0", f"{order}body_angular_degree 0"]
        return "\n".join(lines) + "\n"


class Pod(PairModel):
    """A model of proper orthogonal descriptors.

    Attributes
    ----------
    order
        Elements in the order of the parameter file.
    parameters, coefficients
        The two files.
    guard
        Range that molecular dynamics is stopped at; None for no watch.
    """

    style: Literal["pod"] = "pod"
    order: tuple[str, ...]
    parameters: SourceFile
    coefficients: SourceFile
    guard: Guard | None = None

    @model_validator(mode="after")
    def _same_elements(self) -> Pod:
        line = next((line for line in self.parameters.text.splitlines() if line.startswith("species")), "")
        if tuple(line.split()[1:]) != self.order:
            raise ValueError(f"the parameter file is for {' '.join(line.split()[1:])}, not for {' '.join(self.order)}")
        words = self.coefficients.text.split()
        if len(words) < 4 or words[0] != "model_coefficients:" or int(words[1]) != len(words) - 4:
            raise ValueError(f"the file {self.coefficients.name} is cut off or holds no coefficients")
        return self

    def known_elements(self) -> frozenset[str]:
        """Return the elements of the parameter file."""
        return frozenset(self.order)

    def lammps(self, types: ElementMap) -> LammpsPotential:
        """Return the two files, the commands and the guard."""
        files = {PARAMETER_FILE: self.parameters.text, COEFFICIENT_FILE: self.coefficients.text}
        return LammpsPotential(
            files=files,
            pair_style=("pod",),
            pair_coeff=(("*", "*", *files, *types.elements),),
            guard=self.guard,
        )
