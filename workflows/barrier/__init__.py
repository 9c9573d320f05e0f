"""A migration barrier, level by level: hops, end points, bands, rates, and published barriers again."""
