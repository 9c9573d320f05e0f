"""VASP through atomate2's own jobs: relaxations, static energies and bands at protocols like those of the GPAW levels.

Nothing here runs VASP; the jobs do, on a machine that has it, with atomate2's handling of errors. What is added are
protocols, one mesh of k-points for all images, and the order of atoms: atomate2 0.1.5 writes one POTCAR in the order of
sorted elements beside images whose atoms stay in the order that they came in, so a structure whose elements are not
sorted would be computed with the wrong ones. Everything is sorted alike here first.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..errors import EngineError, InputError
from .folders import slug

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jobflow import Flow, Job
    from pymatgen.core import Structure

    from ..structures.paths import Band


class MissingAtomate2Error(EngineError):
    """atomate2 is not installed."""


@dataclass(frozen=True)
class VaspProtocol:
    """Settings of a level.

    Attributes
    ----------
    name
        ``fast``, ``moderate`` or ``precise``.
    cutoff_eV
        ENCUT.
    k_spacing_per_A
        Largest distance of k-points along a reciprocal vector (2 π included), Γ-centred.
    smearing_eV
        Width of the Gaussian smearing (ISMEAR 0).
    energy_tolerance_eV
        EDIFF.
    force_tolerance_eV_A
        EDIFFG, for relaxations and bands.
    data_sets
        POTCARs other than atomate2's own choice.
    """

    name: str
    cutoff_eV: float
    k_spacing_per_A: float
    smearing_eV: float
    energy_tolerance_eV: float
    force_tolerance_eV_A: float
    data_sets: tuple[tuple[str, str], ...] = ()

    def incar(self) -> dict[str, Any]:
        """Return the tags that all jobs of the protocol share; the functional is PBE, without spin."""
        return {
            "GGA": "PE",
            # atomate2 lowers it for bands alone, whose energies would then not be those of their ends
            "PREC": "Accurate",
            "ENCUT": self.cutoff_eV,
            "EDIFF": self.energy_tolerance_eV,
            "ISMEAR": 0,
            "SIGMA": self.smearing_eV,
            "ISPIN": 1,
            "MAGMOM": None,
            "LREAL": False,
            "LAECHG": False,
            "LVTOT": False,
            "LELF": None,
        }


VASP_PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        # the data set of Li with its 1s electrons wants 499 eV (recalled), which `fast` does not give
        VaspProtocol("fast", 400.0, 0.60, 0.05, 1e-5, 0.05, (("Li", "Li"),)),
        VaspProtocol("moderate", 520.0, 0.40, 0.05, 1e-6, 0.03),
        VaspProtocol("precise", 600.0, 0.25, 0.05, 1e-7, 0.02),
    )
}
"""By name."""

POTCAR_FUNCTIONAL = "PBE_54"


def vasp_protocol(name: str) -> VaspProtocol:
    """Return a protocol by its name, or raise InputError."""
    if name not in VASP_PROTOCOLS:
        raise InputError(
            f"no VASP protocol is called '{name}'", where="protocol", remedy=f"There are: {', '.join(VASP_PROTOCOLS)}."
        )
    return VASP_PROTOCOLS[name]


def vasp_relax(structure: Structure, protocol: str = "moderate", *, cell: bool = True, name: str = "relax") -> Job:
    """Return atomate2's job that relaxes a structure, with its cell or in it.

    Parameters
    ----------
    structure
        Ordered.
    protocol
        ``fast``, ``moderate``, ``precise``.
    cell
        Whether the cell relaxes too.
    name
        Name of the job.

    Raises
    ------
    MissingAtomate2Error
        If atomate2 is not installed.
    """
    _check_installed()
    from atomate2.vasp.jobs.core import RelaxMaker
    from atomate2.vasp.sets.core import RelaxConstVolSetGenerator, RelaxSetGenerator

    settings = vasp_protocol(protocol)
    kind = RelaxSetGenerator if cell else RelaxConstVolSetGenerator
    own = {"EDIFFG": -settings.force_tolerance_eV_A}
    maker: Any = RelaxMaker(name, input_set_generator=kind(**_generator(structure, settings, own)))
    job: Job = maker.make(_sorted(structure))
    return job


def vasp_static(structure: Structure, protocol: str = "moderate", *, name: str = "static") -> Job:
    """Return atomate2's job for the energy and forces of a structure as it is; parameters as `vasp_relax`."""
    _check_installed()
    from atomate2.vasp.jobs.core import StaticMaker
    from atomate2.vasp.sets.core import StaticSetGenerator

    settings = vasp_protocol(protocol)
    generator = StaticSetGenerator(**_generator(structure, settings, {}))
    maker: Any = StaticMaker(name, input_set_generator=generator)
    job: Job = maker.make(_sorted(structure))
    return job


def vasp_band(band: Band | Sequence[Structure], protocol: str = "moderate", *, name: str = "band") -> Flow:
    """Return a Flow that relaxes a band from its images, and computes its two ends, which VASP's band leaves out.

    The band is a climbing-image one with the tags of the VTST tools, which VASP has to be built with.

    Parameters
    ----------
    band
        Images, both ends included and relaxed, such as those of a ladder's cheaper level.
    protocol
        ``fast``, ``moderate``, ``precise``.
    name
        Name of the Flow.

    Raises
    ------
    InputError
        If there are fewer than three images, or they hold different atoms.
    MissingAtomate2Error
        If atomate2 is not installed.
    """
    _check_installed()
    from atomate2.vasp.jobs.neb import NebFromImagesMaker
    from jobflow import Flow

    images = _images(band)
    settings = vasp_protocol(protocol)
    ends = [vasp_static(images[at], protocol, name=f"{name} end {side}") for at, side in ((0, 1), (-1, 2))]
    maker: Any = NebFromImagesMaker(name, input_set_generator=_band_generator(images[0], settings))
    return Flow([*ends, maker.make(images)], name=name)


def vasp_hop(
    ends: Band | Sequence[Structure], protocol: str = "moderate", *, images: int = 5, name: str = "hop"
) -> Flow:
    """Return atomate2's Flow from two unrelaxed ends to a band: relax both, interpolate linearly, relax the band.

    Parameters
    ----------
    ends
        Both ends with their atoms in one order, such as `anodeflow.structures.hop_ends.hop_ends` gives.
    protocol
        ``fast``, ``moderate``, ``precise``.
    images
        Images of the band, both ends included.
    name
        Name of the Flow.

    Raises
    ------
    InputError
        If there are not two ends of the same atoms, or fewer than three images.
    MissingAtomate2Error
        If atomate2 is not installed.
    """
    _check_installed()
    from atomate2.vasp.jobs.core import RelaxMaker
    from atomate2.vasp.jobs.neb import NebFromEndpointsMaker, NebFromImagesMaker
    from atomate2.vasp.sets.core import RelaxConstVolSetGenerator

    pair = _images(ends, least=2)
    if len(pair) != 2 or images < 3:
        raise InputError(f"{len(pair)} ends and {images} images make no band", remedy="Give two ends, three images.")
    settings = vasp_protocol(protocol)
    own = {"EDIFFG": -settings.force_tolerance_eV_A}
    generator = RelaxConstVolSetGenerator(**_generator(pair[0], settings, own))
    maker = NebFromEndpointsMaker(
        endpoint_relax_maker=RelaxMaker(f"{name} relax", input_set_generator=generator),
        images_maker=NebFromImagesMaker(name, input_set_generator=_band_generator(pair[0], settings)),
    )
    flow: Flow = maker.make((pair[0], pair[1]), images - 2)
    flow.name = name
    return flow


def write_vasp_inputs(flow: Flow | Job, folder: Path) -> dict[str, Path]:
    """Write what the jobs of a Flow would give to VASP, for a look or for running it by hand.

    ``POTCAR.spec`` names the data sets in the place of ``POTCAR``, whose content is licensed.

    Parameters
    ----------
    flow
        From this module.
    folder
        Gets a folder for each job. Jobs whose structure comes from another job are left out.

    Returns
    -------
    dict
        Folder of each job that was written, by the job's name.
    """
    from jobflow import Flow
    from pymatgen.core import Structure

    written = {}
    jobs = [job for job, _ in flow.iterflow()] if isinstance(flow, Flow) else [flow]
    for job in jobs:
        generator = getattr(job.maker, "input_set_generator", None)
        given = job.function_args[0] if job.function_args else None
        images = given if isinstance(given, list) else [given]
        if generator is None or not all(isinstance(image, Structure) for image in images):
            continue
        own = folder / slug(job.name)
        if len(images) > 1:
            generator.num_images = len(images) - 2
        inputs = generator.get_input_set(images[0], potcar_spec=True)
        inputs.write_input(own)
        if len(images) > 1:
            for number, image in enumerate(images):
                inside = own / f"{number:02}"
                inside.mkdir(exist_ok=True)
                image.to(str(inside / "POSCAR"), fmt="poscar")
                inputs.kpoints.write_file(str(inside / "KPOINTS"))
        written[job.name] = own
    return written


def _generator(structure: Structure, settings: VaspProtocol, incar: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of an input set generator: the mesh is fixed now, so that all images share it."""
    from ase.calculators.calculator import kpts2sizeandoffsets
    from pymatgen.io.ase import AseAtomsAdaptor
    from pymatgen.io.vasp import Kpoints

    atoms = AseAtomsAdaptor.get_atoms(structure)
    size, _ = kpts2sizeandoffsets(density=1 / settings.k_spacing_per_A, gamma=True, atoms=atoms)
    return {
        "user_incar_settings": settings.incar() | incar,
        "user_kpoints_settings": Kpoints.gamma_automatic((int(size[0]), int(size[1]), int(size[2]))),
        "user_potcar_functional": POTCAR_FUNCTIONAL,
        "user_potcar_settings": dict(settings.data_sets),
        "auto_ismear": False,
    }


def _band_generator(structure: Structure, settings: VaspProtocol) -> Any:
    from atomate2.vasp.sets.core import NebSetGenerator

    own = {"EDIFFG": -settings.force_tolerance_eV_A, "LWAVE": False}
    return NebSetGenerator(**_generator(structure, settings, own))


def _images(band: Band | Sequence[Structure], least: int = 3) -> list[Structure]:
    from ..structures.paths import Band

    found = [band.structure(number) for number in range(len(band))] if isinstance(band, Band) else list(band)
    if len(found) < least:
        raise InputError(f"{len(found)} images make no band", remedy=f"Give at least {least}.")
    names = [[site.specie.symbol for site in image] for image in found]
    if any(name != names[0] for name in names):
        raise InputError("the images hold different atoms, or in another order")
    return [_sorted(image) for image in found]


def _sorted(structure: Structure) -> Structure:
    """Return a structure with its atoms in the order that atomate2's POTCAR has; those of an element keep theirs."""
    if not structure.is_ordered:
        raise InputError("a structure with partly filled sites is nothing for DFT", remedy="Order it first.")
    bare = structure.copy()
    for key in list(bare.site_properties):
        bare.remove_site_property(key)
    bare.remove_oxidation_states()
    return bare.get_sorted_structure()


def _check_installed() -> None:
    if find_spec("atomate2") is None:
        raise MissingAtomate2Error(
            "atomate2 is not installed",
            remedy="Install it with: pip install 'anodeflow[vasp]'; VASP itself is licensed.",
        )
