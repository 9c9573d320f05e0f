"""The covariance of an MSD against walks, and the line that it weights."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.analysis.transport import msd_fit
from anodeflow.analysis.transport.gls import line_weights, logarithmic_lags, msd_covariance
from anodeflow.analysis.transport.msd_fit import walker_msd
from anodeflow.analysis.transport.relaxation import hop_covariance, process_covariance
from anodeflow.analysis.transport.walks import caged_walk, hopping_walk


@pytest.mark.parametrize(("step", "noise"), [(1.0, 0.0), (0.3, 0.5)])
def test_covariance_is_that_of_walks(step, noise):
    rng = np.random.default_rng(1)
    lags, frames, walkers = (1, 2, 5, 11, 25), 60, 60_000
    walk = np.cumsum(rng.normal(0, np.sqrt(step), (frames, walkers, 1)), axis=0)
    walk += rng.normal(0, np.sqrt(noise), walk.shape)
    msd = walker_msd(walk, lags)
    assert msd.mean(axis=1) == pytest.approx(np.array(lags) * step + 2 * noise, rel=0.02)
    assert np.cov(msd) == pytest.approx(msd_covariance(frames, lags, step, noise), rel=0.06)


def test_weights_give_an_exact_line_back():
    lags = logarithmic_lags(40)
    lag = np.array(lags, dtype=float)
    weights = line_weights(lag, msd_covariance(100, lags, 1.0, 0.4))
    assert weights @ (3.0 + 0.7 * lag) == pytest.approx([3.0, 0.7], rel=1e-6)


def test_weights_beat_an_unweighted_line():
    rng = np.random.default_rng(2)
    lags = logarithmic_lags(100)
    lag = np.array(lags, dtype=float)
    msd = walker_msd(np.cumsum(rng.normal(size=(200, 3000, 1)), axis=0), lags)
    weighted = line_weights(lag, msd_covariance(200, lags, 1.0, 0.0))[1] @ msd
    plain = np.polyfit(lag, msd, 1)[0]
    assert weighted.std() < 0.5 * plain.std()
    predicted = np.sqrt(
        (w := line_weights(lag, msd_covariance(200, lags, 1.0, 0.0))[1]) @ msd_covariance(200, lags, 1.0, 0.0) @ w
    )
    assert weighted.std() == pytest.approx(predicted, rel=0.06)


def test_lags_are_ascending_and_end_where_asked():
    for largest in (1, 2, 7, 250, 50_000):
        lags = logarithmic_lags(largest)
        assert list(lags) == sorted(set(lags))
        assert lags[0] == 1
        assert lags[-1] == largest


def test_covariance_of_a_process_is_that_of_the_walk():
    lags, frames = logarithmic_lags(60), 120
    lag = np.arange(frames + 1.0)
    for step, noise in ((0.3, 0.0), (0.3, 0.5)):
        msd = step * lag + 2 * noise * (lag > 0)
        assert process_covariance(msd, frames, lags) == pytest.approx(
            msd_covariance(frames, lags, step, noise), rel=1e-9
        )
    few, long = (1, 3, 10, 50, 250), 2000  # above which not every shift is summed
    msd = 0.04 * np.arange(long + 1.0)
    assert process_covariance(msd, long, few) == pytest.approx(msd_covariance(long, few, 0.04, 0.0), rel=2e-3)


def test_covariance_of_a_process_that_relaxes_is_that_of_walks():
    rng = np.random.default_rng(4)
    lags, frames = (1, 2, 5, 11, 25), 60
    walk, _ = caged_walk(rng, ions=40_000, frames=frames, amplitude=0.5, relaxation=5.0, diffusivity=0.02)
    lag = np.arange(frames + 1.0)
    msd = 0.04 * lag + 0.5 * (1 - np.exp(-lag / 5))
    expected = process_covariance(msd, frames, lags)
    assert np.cov(walker_msd(walk[:, :, :1], lags)) == pytest.approx(expected, rel=0.06)


def test_hops_at_random_times_vary_together():
    rng = np.random.default_rng(5)
    lags, frames, rate = (1, 4, 15, 40), 100, 0.02
    walk, _ = hopping_walk(rng, ions=60_000, frames=frames, hops=rate * frames, hop_length=1.0)
    lag = np.arange(frames + 1.0)
    along = walk[:, :, :1]
    gauss = process_covariance(rate / 3 * lag, frames, lags)
    expected = gauss + rate / 3 * hop_covariance(frames, lags)
    assert np.cov(walker_msd(along, lags)) == pytest.approx(expected, rel=0.08)


@pytest.mark.parametrize(("kind", "agree"), [(np.float64, 1e-13), (np.float32, 1e-5)])
@pytest.mark.parametrize("shape", [(400, 201, 3), (130, 900, 2), (3000, 31, 3)])
def test_compiled_and_plain_squared_steps_agree(monkeypatch, kind, agree, shape):
    walk = np.cumsum(np.random.default_rng(3).normal(size=shape), axis=0).astype(kind)
    lags = (1, 2, 7, 64, 65)
    compiled = walker_msd(walk, lags)
    monkeypatch.setattr(msd_fit, "_LARGE", walk.size + 1)
    assert np.allclose(compiled, walker_msd(walk, lags), rtol=agree, atol=0)
    exact = [((walk[lag:].astype(float) - walk[:-lag]) ** 2).sum(axis=2).mean(axis=0) for lag in lags]
    assert np.allclose(compiled, exact, rtol=agree, atol=0)
