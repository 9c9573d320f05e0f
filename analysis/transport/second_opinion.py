"""kinisi's posterior of the diffusion coefficient, as a second opinion from other hands.

kinisi (A. R. McCluskey, S. W. Coles, B. J. Morgan, J. Chem. Theory Comput. 21 (2025) 79,
doi 10.1021/acs.jctc.4c01249) samples the posterior of a straight line through the MSD whose covariance it
takes from the variance of the observed squared displacements. It needs to be told where the diffusive
window begins.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError
from ...quantity import Quantity
from ...units import A2_PS_TO_CM2_S
from .diffusion import check_positions
from .gls import logarithmic_lags

if TYPE_CHECKING:
    from .gls import FloatArray

_MOST_NUMBERS = 2_000_000
"""Coordinates beyond which frames are thinned: kinisi holds several copies of every displacement."""

_WARMING_UP = 1000
"""Steps that are thrown away: kinisi begins every chain at an intercept of zero, and leaving it takes hundreds."""


def kinisi_diffusivity(
    positions: FloatArray,
    *,
    time_step_ps: float,
    window_start_ps: float,
    seed: int,
    species: str = "Li",
    dimensions: int = 3,
    source: str = "",
    samples: int = 500,
) -> Quantity:
    """Return kinisi's posterior of the tracer diffusion coefficient.

    The lags are passed as whole numbers of frames: kinisi finds the frame of a lag by cutting a quotient of
    floats to an integer, which lands one frame early for many time steps in ps.

    Parameters
    ----------
    positions
        Unwrapped positions of the ions of one species, drift removed, shape ``(F, N, dimensions)``, in Å.
    time_step_ps
        Time between frames in ps.
    window_start_ps
        Lag at which the diffusive window begins, in ps, as from
        `anodeflow.analysis.transport.diffusion.TracerDiffusion.window_ps`.
    seed
        Seed of the sampling; the global generator that kinisi uses is put back afterwards.
    species
        What diffuses, for the record.
    dimensions
        Number of directions of the motion.
    source
        File or job that the positions come from.
    samples
        Steps of each of 32 chains that are kept after 1000 of warming up, for the chains begin at an
        intercept of zero.

    Returns
    -------
    Quantity
        Mean, standard deviation and central 95 % of the posterior, in cm²/s; ``value`` is None where the
        chains did not settle.

    Raises
    ------
    InputError
        If the positions are wrong or the window leaves fewer than three lags.
    """
    from kinisi import __version__ as version

    positions = check_positions(positions, time_step_ps, dimensions)
    stride = max(1, -(-positions.size // _MOST_NUMBERS))
    stride = min(stride, max(1, positions.shape[0] // 200))
    positions = positions[::stride].astype(float)
    step_ps = time_step_ps * stride
    lags = logarithmic_lags(positions.shape[0] // 2)
    first = int(np.ceil(window_start_ps / step_ps - 1e-9))
    if sum(lag >= first for lag in lags) < 3:
        raise InputError(
            f"the window from {window_start_ps:.4g} ps leaves fewer than three lags", remedy="Begin it earlier."
        )

    common: dict[str, Any] = {
        "name": "tracer_diffusivity",
        "unit": "cm^2/s",
        "species": species,
        "source": source,
        "method": f"posterior of kinisi {version} from {window_start_ps:.4g} ps, {len(lags)} lags"
        + (f", every {stride}th frame" if stride > 1 else ""),
    }
    try:
        slope, largest = _posterior(positions, lags, first, seed, samples)
    except (ValueError, IndexError, np.linalg.LinAlgError) as error:
        # a second opinion that cannot be had must not cost the first
        return Quantity(**common, value=None, converged=False, warnings=(f"kinisi failed: {error}",))
    coefficient = slope / step_ps / (2 * dimensions) * A2_PS_TO_CM2_S
    low, middle, high = np.quantile(coefficient, [0.025, 0.5, 0.975])
    half = coefficient.size // 2
    drifting = abs(coefficient[:half].mean() - coefficient[half:].mean()) > 0.5 * coefficient.std()
    if drifting or not np.isfinite(coefficient).all() or slope.max() * lags[-1] > 100 * largest:
        return Quantity(**common, value=None, converged=False, warnings=("kinisi's chains did not settle",))
    spread = float(coefficient.std(ddof=1))
    return Quantity(
        **common,
        value=float(coefficient.mean()),
        uncertainty=spread,
        interval95=(float(low), float(high)),
        n_effective=round(2.0 / dimensions * (float(middle) / spread) ** 2, 1) if spread > 0 else None,
    )


def _posterior(
    positions: FloatArray, lags: tuple[int, ...], first: int, seed: int, samples: int
) -> tuple[FloatArray, float]:
    """Return kinisi's samples of the slope in Å² a frame, and the largest MSD in Å²."""
    import scipp
    from kinisi.diffusion import Diffusion
    from kinisi.displacement import calculate_msd
    from kinisi.parser import Parser

    fs = scipp.Unit("fs")  # one frame is called one fs; the true time is put in at the end
    frames, ions, dimensions = positions.shape
    padded = np.zeros((frames, ions, 3))
    padded[:, :, :dimensions] = positions - positions[0]
    edge = 4.0 * (float(np.ptp(padded)) + 1.0)  # so wide that nothing is ever folded back
    cells = np.broadcast_to(np.eye(3) * edge, (frames, 3, 3)).copy()
    state = np.random.get_state()  # noqa: NPY002 - kinisi draws from the global generator
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            np.random.seed(seed % 2**32)  # noqa: NPY002 - as above
            parser = Parser(
                scipp.array(dims=["time", "particle", "dimension"], values=padded / edge),
                scipp.array(dims=["time", "row", "column"], values=cells, unit="angstrom"),
                scipp.scalar(1.0, unit=fs),
                scipp.scalar(1),
                dt=scipp.array(dims=["time interval"], values=np.array(lags, dtype=float), unit=fs),
                specie_indices=scipp.array(dims=["particle"], values=np.arange(ions)),
                drift_indices=scipp.array(dims=["particle"], values=np.array([], dtype=int)),
                dimension="xyz"[:dimensions],
            )
            if tuple(parser.dt_index.values.tolist()) != lags:
                raise RuntimeError("kinisi did not use the lags that it was given")
            posterior = Diffusion(calculate_msd(parser, progress=False))
            posterior.bayesian_regression(
                start_dt=scipp.scalar(float(first), unit=fs), n_samples=samples, n_burn=_WARMING_UP, progress=False
            )
        finally:
            np.random.set_state(state)  # noqa: NPY002 - as above
    return np.asarray(posterior.gradient.values, dtype=float), float(posterior.dg["da"].values.max())
