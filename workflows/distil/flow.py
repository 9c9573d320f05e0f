"""A distillation as a jobflow Flow: sample, label, learn in rounds, and test on runs of the teacher's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import Flow, Job, Maker

from ...engines.lammps.launch import find_program
from ...engines.pod.configurations import atoms_of, to_document
from ...engines.pod.fit import Accuracy
from ...engines.pod.sampling import amorphous, defective, strained
from ...errors import InputError
from ...potentials.cards import card
from ..flow import refuse_extrapolation
from ..seeds import derive_seed
from .campaign import DistilCampaign, LearntSystem, teacher_name
from .jobs import LabelMaker, LearnMaker, TeacherMaker, TestMaker

if TYPE_CHECKING:
    from pymatgen.core import Structure


@dataclass
class DistilMaker(Maker):
    """Distil a teacher into a fast model for the given systems.

    Attributes
    ----------
    campaign
        What and how; see `DistilCampaign`.
    name
        Name of the Flow.

    Examples
    --------
    >>> flow = DistilMaker(read_distil_campaign("lpscl.yaml")).make()  # doctest: +SKIP
    >>> run_flow(flow, "runs/lpscl")  # doctest: +SKIP
    """

    campaign: DistilCampaign
    name: str = "distil"

    def make(self) -> Flow:
        """Return the Flow; its output is the document of `TestMaker` with the card.

        Raises
        ------
        InputError
            For an unknown teacher or phase, or an element that the teacher does not know.
        """
        campaign = self.campaign
        teacher = card(teacher_name(campaign.teacher))
        systems = {name: built(campaign, name) for name in campaign.systems}
        elements = tuple(sorted({site.specie.symbol for made in systems.values() for one in made for site in one}))
        teacher.check_elements(elements)
        refuse_extrapolation(campaign, extrapolations(campaign), where="teacher")
        jobs: list[Job | Flow] = []
        labels = []
        for name, structures in systems.items():
            ask = LabelMaker(teacher, name=f"{name} label").make(first_configurations(campaign, name, structures))
            ask.update_metadata({"system": name, "natoms": len(structures[0]), "steps": 0})
            labels.append(ask)
        jobs += labels
        hot = self._hot(teacher, systems)
        jobs += hot
        runs, diffusion = self._tests(teacher, systems)
        jobs += [job for documents in runs.values() for job in documents] + list(diffusion.values())
        loop = campaign.loop
        learn = LearnMaker(
            teacher,
            campaign.basis,
            elements,
            Accuracy(**campaign.accuracy.model_dump()),
            campaign.temperature_K,
            campaign.timestep_fs,
            loop.temperatures,
            loop.steps,
            loop.per_round,
            loop.threshold_percent,
            loop.rounds,
            derive_seed(campaign.seed, "search"),
            name="learn 0",
        ).make(
            [job.output["configurations"] for job in labels] + [job.output["frames"] for job in hot],
            [made for name, structures in systems.items() if campaign.systems[name].learn for made in structures],
            [],
        )
        jobs.append(learn)
        test = TestMaker(
            campaign.name,
            teacher,
            campaign.basis,
            elements,
            campaign.temperature_K,
            campaign.timestep_fs,
            campaign.test.density_temperature_K,
            campaign.test.density_steps,
            campaign.test.student_steps,
            campaign.test.species,
            campaign.force_target_percent,
            derive_seed(campaign.seed, "test"),
        ).make(
            learn.output,
            {name: [job.output for job in documents] for name, documents in runs.items()},
            {name: job.output for name, job in diffusion.items()},
            {name: systems[name][0] for name in runs if campaign.systems[name].interface is None},
        )
        jobs.append(test)
        flow = Flow(jobs, output=test.output, name=campaign.name)
        flow.update_metadata({"fingerprint": {"LAMMPS": find_program().version, teacher.name: teacher.fingerprint}})
        return flow

    def _hot(self, teacher: Any, systems: dict[str, list[Structure]]) -> list[Job]:
        """Return the teacher's runs that are learnt from."""
        campaign = self.campaign
        found = []
        for name, structures in systems.items():
            steps = campaign.systems[name].hot_steps
            for number, structure in enumerate(structures) if steps else ():
                found.append(
                    TeacherMaker(
                        teacher,
                        campaign.temperature_K,
                        steps,
                        campaign.timestep_fs,
                        derive_seed(campaign.seed, name, str(number), "hot"),
                        frame_every=10,
                        name=f"{name} hot {number}",
                    ).make(structure)
                )
                found[-1].update_metadata({"system": name, "natoms": len(structure), "steps": steps})
        return found

    def _tests(self, teacher: Any, systems: dict[str, list[Structure]]) -> tuple[dict[str, list[Job]], dict[str, Job]]:
        """Return the teacher's runs by system, and the long ones."""
        campaign = self.campaign
        test = campaign.test
        runs: dict[str, list[Job]] = {}
        diffusion: dict[str, Job] = {}

        def run(name: str, temperature: float, steps: int, kind: str) -> Job:
            seed = derive_seed(campaign.seed, name, f"{temperature:g}K", kind)
            label = f"{name} {kind} {temperature:g}K"
            structure = systems[name][-1]
            job = TeacherMaker(teacher, temperature, steps, campaign.timestep_fs, seed, name=label).make(structure)
            job.update_metadata(
                {"system": name, "natoms": len(structure), "steps": steps, "temperature_K": temperature}
            )
            return job

        for name in test.systems or systems:
            runs[name] = [run(name, temperature, test.steps, "test") for temperature in test.temperatures_K]
            if test.diffusion_steps and campaign.systems[name].interface is None:
                diffusion[name] = run(name, test.diffusion_temperature_K, test.diffusion_steps, "diffusion")
        return runs, diffusion


def extrapolations(campaign: DistilCampaign) -> list[str]:
    """Return in what a teacher is asked beyond what it was made for, a sentence for each system."""
    from ...structures.phases import phase_elements
    from ...structures.side import side_elements

    teacher, test = card(teacher_name(campaign.teacher)), campaign.test
    hottest = max(campaign.temperature_K, *test.temperatures_K)
    hottest = max(hottest, test.diffusion_temperature_K) if test.diffusion_steps else hottest
    found = []
    for name, system in campaign.systems.items():
        one = system.interface
        elements = (
            phase_elements(system.phase or "") if one is None else side_elements(one.lower) | side_elements(one.upper)
        )
        outside = teacher.domain.outside(elements, temperature_K=hottest)
        if outside:
            found.append(f"{teacher.name} extrapolates for {name}: {'; '.join(outside)}.")
    return found


def built(campaign: DistilCampaign, name: str) -> list[Structure]:
    """Return the structures of a system: an interface, an ordered crystal, or several arrangements of a disordered one.

    Raises
    ------
    InputError
        If it cannot be built.
    """
    system: LearntSystem = campaign.systems[name]
    seed = derive_seed(campaign.seed, name, "structure")
    try:
        if system.interface is not None:
            from ...structures.interface import interface

            asked = system.interface
            made = interface(
                asked.lower,
                asked.upper,
                max_strain=asked.max_strain,
                max_area_A2=asked.max_area_A2,
                max_atoms=asked.max_atoms,
                seed=seed,
            ).structure
            made.remove_site_property("charge") if "charge" in made.site_properties else None
            return [made]
        from ...structures.phases import find_structure

        assert system.phase is not None
        structure, source = find_structure(system.phase)
        if structure.is_ordered:
            found = [structure]
        else:
            from ...structures.ordering import order

            found = [one.structure for one in order(structure, source=source, count=system.orderings, seed=seed)]
    except InputError as error:
        raise InputError(error.what, where=f"systems.{name}: {error.where}".rstrip(": "), remedy=error.remedy) from None
    for one in found:
        one.make_supercell(list(system.supercell))
        for key in list(one.site_properties):
            one.remove_site_property(key)
    return found


def first_configurations(campaign: DistilCampaign, name: str, structures: list[Structure]) -> list[dict[str, Any]]:
    """Return the configurations of a system that are labelled before anything is known."""
    system = campaign.systems[name]
    rng = np.random.default_rng(derive_seed(campaign.seed, name, "configurations"))
    starts = [atoms_of(structure, name) for structure in structures]
    found = list(starts)
    for number, atoms in enumerate(starts):
        share = [
            len(range(number, count, len(starts))) for count in (system.strained, system.defective, system.amorphous)
        ]
        found += strained(atoms, share[0], rng) + defective(atoms, share[1], rng) + amorphous(atoms, share[2], rng)
    order = rng.permutation(len(found))  # so that each group of the fit has some of every kind
    return [to_document(found[index]) for index in order]
