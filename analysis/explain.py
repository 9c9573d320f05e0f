"""Which formula and which paper stand behind each analysis, for ``--explain`` and the written page."""

from __future__ import annotations

EXPLANATIONS: dict[str, tuple[str, ...]] = {
    "diffusion": (
        "D = lim slope of <|r(t) - r(0)|²> / (2 d): the mean squared displacement (MSD) of each ion, averaged "
        "over all beginnings, with the drift of the cell or of a framework taken away. Under a changing cell "
        "displacements are added up step by step (S. von Bülow, J. T. Bullerjahn, G. Hummer, J. Chem. Phys. 153 "
        "(2020) 021101).",
        "A straight line and the relaxations before it, b + Σ A (1 - exp(-t / τ)), by generalised least squares; which "
        "of them are there is averaged over by their posterior probability (J. A. Hoeting et al., Statist. Sci. 14 "
        "(1999) 382). The weights are the covariance of the MSD of a Gaussian process with this MSD (H. Qian, M. P. "
        "Sheetz, E. L. Elson, Biophys. J. 60 (1991) 910) and of hops at random times.",
        "The error is not that of the model: each ion has its own slope, and the spread over ions gives the error "
        "of the mean, or the spread over time where that is significantly larger. The 95 % interval is that of the "
        "mixture of Student's distributions in ln D. It was held against walks of known D: see "
        "docs/analysis_coverage.md.",
        "The window begins where the slope is within 5 % of its final value. Not diffusive: no lag is found whose "
        "slope the later ones do not contradict (Lepski's rule, Theory Probab. Appl. 35 (1991) 454), the slope is "
        "not distinct "
        "from zero, or the ions have moved less than about one hop.",
        "Second opinion: the posterior of kinisi (A. R. McCluskey, S. W. Coles, B. J. Morgan, J. Chem. Theory "
        "Comput. 21 (2025) 79).",
    ),
    "conductivity": (
        "Nernst–Einstein: σ = n z² e² D / (k T). With the tracer coefficient it holds for ions that move "
        "independently; with the collective coefficient, lim slope of <|Σ z (r(t) - r(0))|²> / (2 d Σ z²), it is "
        "exact.",
        "Haven ratio: tracer over collective coefficient (G. E. Murch, Solid State Ionics 7 (1982) 177).",
        "The collective coordinate is one walker, which relaxes as its ions do or not at all, averaged by posterior "
        "probability: its error is that of generalised least squares on a Gaussian "
        "walk plus the spread over ions, its interval that of chi-squared. It needs much longer runs than the "
        "tracer coefficient.",
        "A metallic alloy conducts electrons besides: this is the ionic part only.",
    ),
    "onsager": (
        "L_ij = lim slope of <ΔR_i · ΔR_j> / (6 V k T), with R_i the sum of the positions of a species, in the frame "
        "of "
        "reference that --drift names; σ = e² Σ z_i z_j L_ij, and the transference number of i is its part of that sum "
        "(K. D. Fong et al., Macromolecules 54 (2021) 2575).",
        "The sums are Gaussian, so that the errors are those of a Wishart distribution with as many samples as the run "
        "holds. One frame of reference, one number: state it beside a transference number.",
    ),
    "van-hove": (
        "Self part 4πr² Gₛ(r, t): how far an ion has gone in the time t. Distinct part G_d(r, t) / ρ: how much denser "
        "than the mean other ions are at r from where an ion was t before; what grows at r = 0 is ions that follow "
        "into the places of others (L. van Hove, Phys. Rev. 95 (1954) 249).",
        "Non-Gaussian parameter 3<r⁴> / (5<r²>²) - 1: 0 for Brownian motion, large while a few ions hop and the "
        "others wait (A. Rahman, Phys. Rev. 136 (1964) A405). Its error is a jackknife over ions; the largest of many "
        "lags is too large by about its error.",
    ),
    "arrhenius": (
        "ln D = ln D0 - E_a / (k T), weighted least squares with the error of every point.",
        "A curvature in 1/T that chance gives in 1 of 100 straight lines splits the line; the activation energy "
        "given is that of the low-temperature side. Scatter beyond the errors enlarges them (R. T. Birge, Phys. "
        "Rev. 40 (1932) 207).",
        "With --vft: ln D = ln D0 - B / (k (T - T0)), intervals from the profile of chi-squared; not converged "
        "unless the "
        "points refuse the straight line at the 1 % level (H. Vogel, Phys. Z. 22 (1921) 645).",
        "The prediction is the line with its propagated 95 % band; it holds if no other mechanism takes over.",
    ),
    "profile": (
        "Number density in layers along an axis of the cell, averaged over frames; errors from blocks of time.",
        "D parallel to the layers: displacements of ions that stay in their layer for the whole lag, <Δx²; "
        "stayed> / P(t), with P the survival probability (P. Liu, E. Harder, B. J. Berne, J. Phys. Chem. B 108 "
        "(2004) 6595).",
        "D across the layers: the local coefficient of the Smoluchowski equation that makes the observed moves between "
        "thin slices most likely, given the observed density (G. Hummer, New J. Phys. 7 (2005) 34).",
        "Interface: a tanh profile of the fraction of one side in every block of time gives position and 10-90 % "
        "width; its growth is held against the parabolic, the linear (B. E. Deal, A. S. Grove, J. Appl. Phys. 36 "
        "(1965) 3770) and the logarithmic law (N. Cabrera, N. F. Mott, Rep. Prog. Phys. 12 (1949) 163).",
    ),
    "structure": (
        "Radial distribution: pairs within a shell over those of a gas of the same density, all periodic images "
        "counted. Coordination number: neighbours up to the first minimum behind the first peak, or the shell given.",
        "Bonds reach to 1.25 times the sum of covalent radii (B. Cordero et al., Dalton Trans. (2008) 2832); clusters "
        "are what bonds join. An anion is like that of a lithium salt if nothing but lithium bonds to it and it has "
        "the salt's number of lithium neighbours, give or take one.",
    ),
    "stress": (
        "Stress of a layer: the sum of LAMMPS' per-atom stress × volume (virial and kinetic part, compute "
        "stress/atom) over the volume of the layer; tension is positive. Layers sum to minus the pressure tensor.",
        "In equilibrium the stress normal to the layers is the same in all of them; what it varies by is given beside "
        "its error. Errors: blocks of time (H. Flyvbjerg, H. G. Petersen, J. Chem. Phys. 91 (1989) 461), wider by what "
        "neighbouring blocks have in common.",
        "Interface stress: excess of the in-plane stress over the bulk on both sides (J. W. Cahn, F. Larché, Acta "
        "Metall. 30 (1982) 51).",
    ),
    "jumps": (
        "An ion belongs to the site in whose core it was last (C. Schütte et al., J. Chem. Phys. 134 (2011) 204105). "
        "Rate: jumps over time in sites; its interval is Poisson's, widened where ions differ more than chance.",
        "Correlation factor: 1 + 2 Σ <a(j)·a(j+k)> / <a²> over successive jumps (J. Bardeen, C. Herring, 1952).",
        "Percolation barrier: k T ln of the peak density over the highest density that connects the cell with its "
        "own image.",
    ),
    "neb": (
        "Energies and, where known, forces along the path are interpolated over arc length by piecewise quintics. The "
        "interval adds twice the difference from cubics and half the change when an image is left out; it is the "
        "error of the interpolation, not of the energies.",
    ),
    "voltage": (
        "V = -(E2 - E1 - (x2 - x1) E(Li)) / (x2 - x1) between neighbours on the convex hull (M. K. Aydinol et al., "
        "Phys. Rev. B 56 (1997) 1354), energies standing for free energies.",
    ),
}


def explain(verb: str) -> str:
    """Return the paragraphs for an analysis, or an empty text where there are none."""
    return "\n\n".join(EXPLANATIONS.get(verb, ()))
