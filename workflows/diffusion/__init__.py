"""Diffusion against temperature: crystals and glasses, molecular dynamics, Arrhenius fits."""
