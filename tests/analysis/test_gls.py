"""The covariance of an MSD against walks, and the line that it weights."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.analysis.transport.gls import line_weights, logarithmic_lags, msd_covariance
from anodeflow.analysis.transport.msd_fit import walker_msd


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
