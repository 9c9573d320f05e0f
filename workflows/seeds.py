"""Random seeds: one in the campaign file, all others derived from it and the job's name."""

from __future__ import annotations

import hashlib


def derive_seed(seed: int, *parts: str) -> int:
    """Return a seed for one job, between 1 and 2³¹−2.

    Parameters
    ----------
    seed
        Seed of the campaign.
    parts
        Names that make the job unique, such as system, temperature and stage.
    """
    text = "\n".join([str(seed), *parts])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % (2**31 - 2) + 1
