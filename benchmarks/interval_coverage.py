"""How often the stated 95 % intervals hold the truth, how large the errors are, and what it costs.

Run with ``python benchmarks/interval_coverage.py --runs 200``; prints the tables of ``docs/analysis_coverage.md``.
Every estimator sees the same walks. "told" means that the lag at which diffusion begins was given, as kinisi needs
it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from anodeflow.analysis.transport.arrhenius import arrhenius_fit
from anodeflow.analysis.transport.collective import collective_diffusivity, haven_ratio
from anodeflow.analysis.transport.diffusion import tracer_diffusivity
from anodeflow.analysis.transport.gls import FloatArray, logarithmic_lags
from anodeflow.analysis.transport.msd_fit import walker_msd
from anodeflow.analysis.transport.second_opinion import kinisi_diffusivity
from anodeflow.analysis.transport.walks import (
    back_hopping_walk,
    brownian_walk,
    caged_walk,
    exclusion_gas,
    hopping_walk,
    persistent_walk,
    unequal_walk,
)
from anodeflow.quantity import Quantity
from anodeflow.units import A2_PS_TO_CM2_S, BOLTZMANN_EV_K

GAS_TRACER = 0.0698 * 9
"""Tracer coefficient of the exclusion gas in Å² per frame, from ``--gas-truth``."""


@dataclass(frozen=True)
class Walk:
    """A kind of walk, and the lag in frames from which it diffuses."""

    make: Callable[[np.random.Generator], tuple[FloatArray, float]]
    begins: float
    counts: bool = True


WALKS = {
    "Brownian": Walk(brownian_walk, 1),
    "hopping": Walk(hopping_walk, 1),
    "rare hops (one an ion)": Walk(lambda rng: hopping_walk(rng, hops=1), 1),
    "collective (exclusion gas), tracer": Walk(lambda rng: (exclusion_gas(rng)[0], GAS_TRACER), 10),
    "rare hops with vibration": Walk(lambda rng: hopping_walk(rng, hops=1, vibration=0.3), 1, False),
    "cage that diffuses": Walk(lambda rng: caged_walk(rng, diffusivity=0.02), 32, False),
    "inertia": Walk(persistent_walk, 50, False),
}

OTHERS = {
    "half hop back": Walk(back_hopping_walk, 20),
    "a quarter hop back, slow": Walk(lambda rng: back_hopping_walk(rng, rate=0.05, back=0.25), 60),
    "unequal ions on diagonals": Walk(unequal_walk, 1),
    "slow exclusion gas": Walk(lambda rng: (exclusion_gas(rng, attempts=0.3)[0], 0.3 * GAS_TRACER), 33),
    "slower exclusion gas": Walk(lambda rng: (exclusion_gas(rng, attempts=0.1)[0], 0.1 * GAS_TRACER), 100),
    "soft cage": Walk(lambda rng: caged_walk(rng, amplitude=0.3, relaxation=2.0, diffusivity=0.03), 12),
}
"""Walks beside those that the target names."""


@dataclass
class Score:
    """What an estimator did over many runs."""

    ratios: list[float] = field(default_factory=list)
    inside: int = 0
    none: int = 0
    seconds: float = 0.0

    def add(self, quantity: Quantity, truth: float, seconds: float) -> None:
        """Count one run; `truth` is in the unit of the quantity."""
        self.seconds += seconds
        if quantity.value is None or quantity.interval95 is None or not quantity.converged:
            self.none += 1
            return
        self.ratios.append(quantity.value / truth)
        self.inside += quantity.interval95[0] <= truth <= quantity.interval95[1]

    def row(self) -> str:
        """Return cells of a table: coverage, root mean square error, bias, runs without a result, cost."""
        runs = len(self.ratios) + self.none
        if not self.ratios:
            return f"– | – | – | {self.none} | {self.seconds / max(runs, 1) * 1e3:.0f}"
        ratios = np.array(self.ratios)
        rms = float(np.sqrt(np.mean((ratios - 1) ** 2)))
        return (
            f"{100 * self.inside / len(ratios):.1f} | {100 * rms:.2f} | {100 * (ratios.mean() - 1):+.2f} | "
            f"{self.none} | {self.seconds / runs * 1e3:.1f}"
        )


def least_squares(positions: FloatArray) -> Quantity:
    """Return what an unweighted line through the MSD and its textbook error give."""
    from scipy.stats import linregress

    lags = np.arange(1, positions.shape[0] // 2)
    msd = walker_msd(positions, tuple(lags.tolist())).mean(axis=1)
    line = linregress(lags, msd)
    value, error = line.slope / 6 * A2_PS_TO_CM2_S, line.stderr / 6 * A2_PS_TO_CM2_S
    interval = (value - 1.96 * error, value + 1.96 * error)
    return Quantity("tracer_diffusivity", value, "cm^2/s", uncertainty=error, interval95=interval)


def timed(scores: dict[str, Score], name: str, truth: float, estimate: Callable[[], Quantity]) -> Quantity:
    """Run an estimator, count CPU time and result."""
    begin = time.process_time()
    quantity = estimate()
    scores.setdefault(name, Score()).add(quantity, truth, time.process_time() - begin)
    return quantity


def tracer_table(walks: dict[str, Walk], seeds: range, kinisi_runs: int) -> None:
    """Print the table of tracer coefficients."""
    print("| walk | estimator | covers, % | RMS error, % | bias, % | no result | CPU, ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, walk in walks.items():
        scores: dict[str, Score] = {}
        for seed in seeds:
            x, truth = walk.make(np.random.default_rng(seed))
            truth *= A2_PS_TO_CM2_S

            def ours(told: float | None, x: FloatArray = x) -> Quantity:
                result = tracer_diffusivity(x, time_step_ps=1.0, minimum_msd_A2=0.0, window_start_ps=told)
                return result.quantity

            timed(scores, "anodeflow", truth, lambda ours=ours: ours(None))
            timed(scores, "anodeflow, told", truth, lambda ours=ours, walk=walk: ours(walk.begins))
            if seed - seeds[0] < kinisi_runs and walk.counts:
                timed(
                    scores,
                    "kinisi, told",
                    truth,
                    lambda x=x, walk=walk, seed=seed: kinisi_diffusivity(
                        x, time_step_ps=1.0, window_start_ps=walk.begins, seed=seed
                    ),
                )
            if seed - seeds[0] < 50:
                timed(scores, "least squares", truth, lambda x=x: least_squares(x))
        for estimator, score in scores.items():
            print(f"| {name} | {estimator} | {score.row()} |", flush=True)


def collective_table(seeds: range, kinisi_runs: int) -> None:
    """Print the table of collective coefficients and Haven ratios of the exclusion gas."""
    print("\n| quantity | estimator | covers, % | RMS error, % | bias, % | no result | CPU, ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    scores: dict[str, Score] = {}
    for seed in seeds:
        x, truth = exclusion_gas(np.random.default_rng(seed))

        def coefficient(told: float | None, x: FloatArray = x) -> Quantity:
            return collective_diffusivity(x, time_step_ps=1.0, window_start_ps=told).quantity

        exact = truth * A2_PS_TO_CM2_S
        found = timed(scores, "collective coefficient | anodeflow", exact, lambda f=coefficient: f(None))
        timed(scores, "collective coefficient | anodeflow, told", exact, lambda f=coefficient: f(1.0))
        if seed - seeds[0] < kinisi_runs:
            total = x.sum(axis=1, keepdims=True) / np.sqrt(x.shape[1])
            timed(
                scores,
                "collective coefficient | kinisi, told",
                exact,
                lambda total=total, seed=seed: kinisi_diffusivity(
                    total, time_step_ps=1.0, window_start_ps=1.0, seed=seed
                ),
            )
        tracer = tracer_diffusivity(x, time_step_ps=1.0, minimum_msd_A2=0.0).quantity
        timed(scores, "Haven ratio | anodeflow", GAS_TRACER / truth, lambda t=tracer, c=found: haven_ratio(t, c))
    for estimator, score in scores.items():
        print(f"| {estimator} | {score.row()} |", flush=True)


def arrhenius_table(seeds: range) -> None:
    """Print the coverage of activation energy and prediction at 300 K from four temperatures."""
    energy, temperatures = 0.3, (600.0, 700.0, 850.0, 1000.0)
    scores: dict[str, Score] = {}

    def hops(temperature: float) -> float:
        return float(50 * np.exp(-energy / BOLTZMANN_EV_K * (1 / temperature - 1 / 1000)))

    for seed in seeds:
        rng = np.random.default_rng(seed)
        found = []
        for temperature in temperatures:
            x, _ = hopping_walk(rng, hops=hops(temperature))
            found.append(tracer_diffusivity(x, time_step_ps=1.0, minimum_msd_A2=0.0).quantity)
        begin = time.process_time()
        fit = arrhenius_fit(temperatures, found)
        seconds = time.process_time() - begin
        scores.setdefault("activation energy", Score()).add(fit.activation_energy, energy, seconds)
        cold = hops(300) / 500 * 9 / 6 * A2_PS_TO_CM2_S
        scores.setdefault("coefficient at 300 K", Score()).add(fit.predict(300), cold, seconds)
    print("\n| from four temperatures | covers, % | RMS error, % | bias, % | no result | CPU, ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, score in scores.items():
        print(f"| {name} | {score.row()} |", flush=True)


def gas_truth() -> None:
    """Print the tracer coefficient of the exclusion gas from long runs, over attempt rate times squared length."""
    values = []
    for seed in range(6):
        x, _ = exclusion_gas(np.random.default_rng(1000 + seed), frames=20_000, hop_length=1.0)
        msd = walker_msd(x, (50, 100, 200)).mean(axis=1) / 6
        values.append((msd[2] - msd[0]) / 150)
    print(f"{np.mean(values):.5f} ± {np.std(values, ddof=1) / np.sqrt(len(values)):.5f}")


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--kinisi-runs", type=int, default=200)
    parser.add_argument("--only", choices=["tracer", "others", "collective", "arrhenius"], help="one table")
    parser.add_argument("--first-seed", type=int, default=0, help="seeds of the walks begin here")
    parser.add_argument("--gas-truth", action="store_true", help="recompute the tracer coefficient of the gas")
    options = parser.parse_args()
    if options.gas_truth:
        gas_truth()
        return
    x, _ = exclusion_gas(np.random.default_rng(0), frames=10)  # compile before anything is timed
    tracer_diffusivity(x, time_step_ps=1.0)
    logarithmic_lags(10)
    seeds = range(options.first_seed, options.first_seed + options.runs)
    if options.only in (None, "tracer"):
        tracer_table(WALKS, seeds, options.kinisi_runs)
    if options.only in (None, "others"):
        tracer_table(OTHERS, seeds, options.kinisi_runs)
    if options.only in (None, "collective"):
        collective_table(seeds, options.kinisi_runs)
    if options.only in (None, "arrhenius"):
        # cheap, and the bounds that it is held to are narrow
        arrhenius_table(range(seeds.start, seeds.start + 5 * options.runs))


if __name__ == "__main__":
    main()
