"""Only what ran is named and cited."""

from __future__ import annotations

from anodeflow.potentials.cards import card
from anodeflow.workflows.sources import Sources

MEAM, CHGNET = card("LiSi-MEAM-Cui2012"), card("chgnet")
LAMMPS = {"LAMMPS": "22 Jul 2025"}


def _job(output, engines, models, files=()):
    return {"output": output, "provenance": {"engines": engines, "models": dict.fromkeys(models, "x"), "files": files}}


def test_a_model_in_python_without_molecular_dynamics_cites_no_lammps_and_no_kinisi():
    found = Sources.of([_job({"kind": "cell", "quantities": []}, LAMMPS, ["chgnet"])], [CHGNET])
    assert not found.engines
    assert [entry["key"] for entry in found.citations()] == ["chgnet", "jobflow", "pymatgen"]
    assert {"chgnet", "torch"} <= found.versions().keys()
    assert found.sentences()[0].startswith("Energies and forces are those of the interatomic potential chgnet")


def test_molecular_dynamics_cites_what_ran_and_what_judged():
    run = {"kind": "diffusion", "engine": {}, "quantities": [{"method": "posterior of kinisi"}]}
    found = Sources.of([_job(run, LAMMPS, [MEAM.name], {"in.000.lammps": "x"})], [MEAM])
    assert [entry["key"] for entry in found.citations()] == [MEAM.name, "LAMMPS", "kinisi", "jobflow", "pymatgen"]
    assert found.versions()["LAMMPS"] == "22 Jul 2025"


def test_a_ladder_names_each_level_and_no_model_that_did_not_run():
    band = {"kind": "barrier", "settings": {"program": "GPAW", "version": "26.7.0"}, "quantities": []}
    first = {"kind": "barrier", "settings": {"program": "LAMMPS", "version": "22 Jul 2025"}, "quantities": []}
    alone = Sources.of([_job(band, {"GPAW": "26.7.0"}, ["gpaw-fast"])], [MEAM])
    assert alone.models == ()
    assert alone.sentences() == ["Density functional theory was computed with GPAW 26.7.0."]
    both = Sources.of([_job(first, LAMMPS, [MEAM.name]), _job(band, {"GPAW": "26.7.0"}, ["gpaw-fast"])])
    assert [entry["key"] for entry in both.citations()] == [MEAM.name, "GPAW", "LAMMPS", "ASE", "jobflow", "pymatgen"]


def test_a_card_of_the_users_is_known_by_its_fingerprint_wherever_it_was():
    own = MEAM.model_copy(update={"name": "mine"})
    job = _job({"kind": "barrier", "quantities": []}, {}, [])
    job["provenance"]["models"] = {"there/mine.yaml": own.fingerprint}
    assert [one.name for one in Sources.of([job], [CHGNET, own]).models] == ["mine"]
