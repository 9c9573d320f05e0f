"""Fitting proper orthogonal descriptors to another energy model."""
