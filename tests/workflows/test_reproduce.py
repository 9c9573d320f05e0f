"""Published barriers: recipes that can run, honest verdicts, and records that belong to them."""

import dataclasses
import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from anodeflow.engines.gpaw import PROTOCOLS, MissingGpawError, gpaw_installed
from anodeflow.errors import InputError
from anodeflow.quantity import Quantity
from anodeflow.workflows.barrier.flow import barrier_flow
from anodeflow.workflows.barrier.reproduce import (
    hold_against,
    own_value,
    recipe,
    recipe_names,
    recipes_at,
    records,
    verdicts,
)

MEAM = "LiSi-MEAM-Cui2012"
PAGE = Path(__file__).parents[2] / "docs" / "barriers.md"


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_has_references_and_builds_at_its_first_level(name):
    one = recipe(name)
    assert one.references or one.note
    assert all(value.unit == "eV" and 0 < value.low <= value.high < 2 for value in one.references)
    first = next(iter(one.levels))
    if first in PROTOCOLS and not gpaw_installed():
        pytest.skip("GPAW is not installed: pip install 'anodeflow[dft]'")
    if first == "chgnet" and find_spec("chgnet") is None:
        pytest.skip("CHGNet is not installed: pip install 'anodeflow[ml]'")
    flow, crystal = barrier_flow(one.ladder())
    assert len(list(flow.iterflow())) >= 3
    assert one.campaign["species"] == "Li" and crystal.is_ordered


def test_a_level_is_reached_over_the_first_one():
    ladder = recipe("li-in-si").ladder("gpaw-moderate")
    assert [level.name for level in ladder.levels] == [MEAM, "gpaw-moderate"]
    with pytest.raises(InputError, match="not prepared for the level 'gpaw-cheap'"):
        recipe("li-in-si").ladder("gpaw-cheap")
    with pytest.raises(InputError, match=r"nothing is called 'li-in-sj' .*li-in-si,"):
        recipe("li-in-sj")


def test_a_potential_that_cannot_run_is_left_out_below_dft(monkeypatch):
    """It only makes the path better. The wanted level itself is never left out."""

    def missing(name):
        raise MissingGpawError("not installed")

    monkeypatch.setattr("anodeflow.workflows.barrier.reproduce.find_level", missing)
    assert [level.name for level in recipe("li-in-si").ladder("gpaw-fast").levels] == ["gpaw-fast"]
    assert [level.name for level in recipe("li-in-si").ladder().levels] == [MEAM]


def results(*rows, effective=None):
    levels = [
        {"hop": f"h{n}", "level": level, "barrier_eV": value, "error_eV": 0.001, "converged": good}
        for n, (level, value, good) in enumerate(rows)
    ]
    quantities = []
    if effective is not None:
        method = "slope of ln D of the vacancy at 300 K"
        quantities = [Quantity("activation_energy", effective, "eV", method=method).to_dict()]
    return {"levels": levels, "quantities": quantities}


def test_the_own_value_is_that_of_the_last_level():
    both = results(("cheap", 0.2, True), ("best", 0.5, True))
    assert own_value("highest", both).value == 0.5
    assert own_value("lowest", results(("best", 0.5, True), ("best", 0.3, True))).value == 0.3
    assert own_value("highest", results(("best", 0.5, False))).value is None
    assert own_value("effective", results(("best", 0.5, True))).value is None
    partial = own_value("effective", results(("best", 0.5, True), ("best", None, False), effective=0.41))
    assert partial.value == 0.41 and "1 of 2 hops are not in it" in partial.warnings[-1]


def test_verdicts():
    reference = recipe("li-vacancy-in-li15si4").references[0]
    assert reference.low == 0.32
    near = hold_against(Quantity("migration_barrier", 0.35, "eV"), reference)
    assert near.word == "agrees" and near.difference_eV == pytest.approx(0.03)
    assert hold_against(Quantity("migration_barrier", 0.40, "eV"), reference).word == "differs"
    none = Quantity("migration_barrier", None, "eV", converged=False, warnings=("The band is not converged.",))
    assert hold_against(none, reference).word == "cannot be compared"
    wrong = dataclasses.replace(reference, flagged=True, note="contradicts itself")
    flagged = hold_against(Quantity("migration_barrier", 0.32, "eV"), wrong)
    assert flagged.word == "cannot be compared" and "contradicts itself" in flagged.reason
    recalled = dataclasses.replace(reference, status="recalled")
    assert "recalled" in hold_against(Quantity("migration_barrier", 0.32, "eV"), recalled).reason


def test_records_belong_to_recipes_and_hold_their_settings():
    found = records()
    assert {entry["name"] for entry in found} <= set(recipe_names())
    assert {(entry["name"], entry["level"]) for entry in found} >= {("li-in-si", MEAM)}
    for entry in found:
        settings = recipe(entry["name"]).levels[entry["level"]]
        for key, value in settings.items():
            assert entry["settings"][key] == value, f"{entry['name']} was recorded with another {key}"
        assert entry["hops"] and entry["wall_s"] > 0


def test_the_page_shows_what_is_on_record():
    """The table of docs/barriers.md and the records hold the same barriers, as far as the page prints them."""
    rows = re.findall(r"^\| `([\w-]+)` \|[^|]*\| ([\w-]+) \|[^|]*\| (none|[\d.]+)", PAGE.read_text(), re.MULTILINE)
    shown = {(name, level): None if value == "none" else float(value) for name, level, value in rows}
    known = {(entry["name"], entry["level"]): entry["value_eV"] for entry in records()}
    assert shown == {key: pytest.approx(value, abs=6e-4) if value is not None else None for key, value in known.items()}
    words = {word for entry in records() for word in verdicts(entry)}
    assert words <= {"agrees", "differs", "cannot be compared"}


@pytest.mark.engine
def test_the_command_line_computes_what_was_recorded(tmp_path, capsys):
    from anodeflow.cli.reproduce import _all, reproduce

    run = tmp_path / "all" / f"li-in-si-{MEAM}"
    reproduce("list", None, None, None, True, None)
    listed = json.loads(capsys.readouterr().out)["reproduce"]
    assert [row["name"] for row in listed] == recipe_names()
    moderate = next(one for one in listed[0]["found"] if one["level"] == "gpaw-moderate")
    assert moderate["verdicts"] == [
        "agrees" if value["value"] == "0.58" else "differs" for value in listed[0]["references"]
    ]
    reproduce("li-in-si", None, run, 1, True, tmp_path / "records.json")
    document = json.loads(capsys.readouterr().out)
    own = document["reproduce"]["own"]["value"]
    verdicts = {row["reference"]: row["verdict"] for row in document["reproduce"]["comparisons"]}
    assert verdicts["0.58"] == "agrees" and verdicts["0.6"] == "agrees" and verdicts["0.655"] == "differs"
    (entry,) = json.loads((tmp_path / "records.json").read_text())
    recorded = next(one for one in records() if (one["name"], one["level"]) == ("li-in-si", MEAM))
    assert 0 < entry["cpu_s"] < 10 * entry["wall_s"]
    assert entry["value_eV"] == own == pytest.approx(recorded["value_eV"], abs=2e-3)
    _all([recipe("li-in-si")], None, tmp_path / "all", 1, True, None)  # goes on with the folder that is finished
    (row,) = json.loads(capsys.readouterr().out)["reproduce"]
    assert row["own"]["value"] == own and (row["hops"], row["converged"]) == (1, 1) and row["name"] == "li-in-si"


def test_all_of_a_kind_are_chosen_by_their_first_level_or_by_one_they_have():
    classical = [one.name for one in recipes_at(classical=True)]
    assert {"li-in-si", "li-vacancy-in-li12si7"} <= set(classical) and "li-in-alpha-sn" not in classical
    assert "li-in-alpha-sn" in [one.name for one in recipes_at("gpaw-fast")]
    assert [one.name for one in recipes_at()] == recipe_names()
    with pytest.raises(InputError, match=r"nothing is prepared for the level 'gpaw-best'.*gpaw-fast"):
        recipes_at("gpaw-best")


def test_classical_without_all_is_refused():
    from anodeflow.cli.reproduce import reproduce

    with pytest.raises(InputError, match="--classical chooses among all"):
        reproduce("li-in-si", classical=True)
