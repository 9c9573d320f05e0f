"""Alloy anodes in solid-state batteries: structures, molecular dynamics, barriers and interfaces.

Each folder says in its own docstring what lives there; ``docs/design.md`` has the whole house on one page.
Nothing is imported here, so that ``import anodeflow`` costs nothing.
"""

__version__ = "0.1.0"
