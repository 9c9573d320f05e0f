"""What results rest on: the programs that ran, their versions, the models behind the numbers, and what to cite."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..potentials.ase_model import AseModel
from ..potentials.cards import PotentialCard, card, card_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_PACKAGES = ("numpy", "scipy", "pymatgen", "jobflow", "kinisi", "ase", "MDAnalysis")

_CITATIONS = {
    "LAMMPS": ("A. P. Thompson et al., Comput. Phys. Commun. 271 (2022) 108171", "10.1016/j.cpc.2021.108171"),
    "GPAW": ("J. J. Mortensen et al., J. Chem. Phys. 160 (2024) 092503", "10.1063/5.0182685"),
    "CP2K": ("T. D. Kühne et al., J. Chem. Phys. 152 (2020) 194103", "10.1063/5.0007045"),
    "ASE": ("A. H. Larsen et al., J. Phys.: Condens. Matter 29 (2017) 273002", "10.1088/1361-648X/aa680e"),
    "kinisi": ("A. R. McCluskey et al., J. Open Source Softw. 9 (2024) 5984", "10.21105/joss.05984"),
    "jobflow": ("A. S. Rosen et al., J. Open Source Softw. 9 (2024) 5995", "10.21105/joss.05995"),
    "pymatgen": ("S. P. Ong et al., Comput. Mater. Sci. 68 (2013) 314", "10.1016/j.commatsci.2012.10.028"),
}
_ALWAYS = ("jobflow", "pymatgen")


@dataclass(frozen=True)
class Sources:
    """Programs and models of some finished jobs.

    Attributes
    ----------
    engines
        Version of each program that ran, by name.
    models
        Cards of the energy models behind the numbers.
    tools
        Further programs to cite.
    """

    engines: dict[str, str]
    models: tuple[PotentialCard, ...]
    tools: tuple[str, ...]

    @classmethod
    def of(cls, documents: Iterable[Mapping[str, Any]], cards: Sequence[PotentialCard] = ()) -> Sources:
        """Return those of jobs.

        Parameters
        ----------
        documents
            ``result.json`` of each.
        cards
            Models that the campaign names, the user's own among them.
        """
        documents = list(documents)
        engines: dict[str, str] = {}
        models: dict[str, PotentialCard] = {}
        tools: set[str] = set()
        for document in documents:
            output, origin = document["output"], document.get("provenance") or {}
            settings = output.get("settings")
            settings = settings if isinstance(settings, dict) else {}
            ran = dict(origin.get("engines", {}))
            if settings.get("program") in ("GPAW", "CP2K"):
                ran[settings["program"]] = str(settings.get("version", ""))
            mine = [_model(name, fingerprint, cards) for name, fingerprint in origin.get("models", {}).items()]
            models |= {one.name: one for one in mine if one is not None}
            if "LAMMPS" in ran and not _ran_lammps(output, origin, mine):
                del ran["LAMMPS"]
            engines |= ran
            how = [str(quantity.get("method", "")) for quantity in output.get("quantities", [])]
            tools |= {"kinisi"} if any("kinisi" in text for text in how) else set()
            tools |= {"ASE"} if output.get("kind") in ("barrier", "barrier_ladder") else set()
        return cls(
            dict(sorted(engines.items())), tuple(models.values()) if documents else tuple(cards), tuple(sorted(tools))
        )

    def versions(self) -> dict[str, str]:
        """Return the versions of this package, of the programs, and of the libraries that results depend on."""
        found = {"anodeflow": __version__, **self.engines, "Python": platform.python_version()}
        learnt = [one.model for one in self.models if isinstance(one.model, AseModel)]
        own = [name for model in learnt if (name := getattr(model.weights, "distribution", ""))]
        for package in (*_PACKAGES, *dict.fromkeys(own), *(("torch",) if learnt else ())):
            try:
                found[package] = version(package)
            except PackageNotFoundError:
                continue
        return found

    def citations(self) -> list[dict[str, str]]:
        """Return the references of models and programs."""
        found = [{"key": one.name, "text": one.citation.text, "doi": one.citation.doi} for one in self.models]
        for key in (*self.engines, *self.tools, *_ALWAYS):
            if key in _CITATIONS:
                text, doi = _CITATIONS[key]
                found.append({"key": key, "text": text, "doi": doi})
        return found

    def sentences(self) -> list[str]:
        """Return what the paragraph on methods says of models and programs."""
        found = []
        if self.models:
            models = " and ".join(f"{one.name} ({one.citation.text})" for one in self.models)
            potentials = f"the interatomic potential{'s' if len(self.models) > 1 else ''} {models}"
            lammps = self.engines.get("LAMMPS")
            begin = f"Simulations were run with LAMMPS ({lammps}) and" if lammps else "Energies and forces are those of"
            found.append(f"{begin} {potentials}, with periodic boundaries.")
        dft = [f"{name} {self.engines[name]}" for name in ("GPAW", "CP2K") if name in self.engines]
        return found + [f"Density functional theory was computed with {program}." for program in dft]


def _model(name: str, fingerprint: Any, cards: Sequence[PotentialCard]) -> PotentialCard | None:
    """Return the card of that name or fingerprint, of the campaign or of the library; None for a level of DFT.

    A card of the user's is recorded under the path that it had.
    """
    own = next((one for one in cards if one.name == name or one.fingerprint == fingerprint), None)
    return own or (card(name) if name in card_names() else None)


def _ran_lammps(output: Mapping[str, Any], origin: Mapping[str, Any], models: Sequence[PotentialCard | None]) -> bool:
    """Return whether a job ran LAMMPS: by input files, or by its library with a model that is LAMMPS' own."""
    files = any(path.rsplit("/", 1)[-1].startswith("in.") for path in origin.get("files", {}))
    return files or "engine" in output or any(one and not isinstance(one.model, AseModel) for one in models)
