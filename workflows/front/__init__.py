"""Lithiation fronts: host faces against a lithium-rich alloy, with stress in layers."""
