"""The report as a file: its numbers, its sentences, its self-containment."""

from __future__ import annotations

import copy
import csv
import html.parser
import re

import pytest
from anodeflow.analysis.page import write_page
from anodeflow.analysis.report import Results, drawn, pictured, report_html, write_analysis_page
from anodeflow.analysis.report.findings import asked, cautions, doubts, found, gaps
from anodeflow.analysis.report.markup import (
    interval_text,
    number_text,
    quantity_html,
    quantity_text,
    subscripted,
    unit_text,
)
from anodeflow.analysis.report.plots import ArrheniusCurve, arrhenius_figure, msd_figure, thermo_figure
from anodeflow.analysis.report.quantities import comparisons
from anodeflow.errors import InputError
from anodeflow.quantity import Quantity


class Page(html.parser.HTMLParser):
    """What a reader of the file gets: numbers with their origin, identities, addresses, tags that stay open."""

    VOID = frozenset({"meta", "link", "img", "br", "path", "use", "hr", "input", "col"})

    def __init__(self, text):
        super().__init__()
        self.numbers, self.ids, self.hrefs, self.loads, self.open = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "data":
            self.numbers.append((given["data-of"], float(given["value"])))
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.hrefs.append(given["href"])
        elif "xlink:href" in given or "href" in given or "src" in given:
            self.loads.append(given.get("src") or given.get("href") or given.get("xlink:href"))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


def at(document, path):
    for part in path.split("."):
        document = document[int(part)] if part.isdigit() else document[part]
    return document


@pytest.fixture(scope="module")
def results(synthetic_document):
    return Results.model_validate(synthetic_document)


@pytest.fixture(scope="module")
def page(written):
    return (written / "report.html").read_text()


def test_the_numbers_on_the_page_are_those_of_the_results(page, synthetic_document):
    numbers = Page(page).numbers
    assert len(numbers) > 40
    for path, value in numbers:
        assert at(synthetic_document, path)["value"] == value
    shown = {path for path, _ in numbers}
    for s, system in enumerate(synthetic_document["systems"]):
        for r, run in enumerate(system["runs"]):
            for q, quantity in enumerate(run["quantities"]):
                assert (f"systems.{s}.runs.{r}.quantities.{q}" in shown) == (quantity["value"] is not None)


def test_the_page_is_whole_and_loads_nothing(page):
    parsed = Page(page)
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    for address in parsed.loads:
        assert address.startswith(("data:", "#")), address
    for address in parsed.hrefs:
        assert address.startswith("https://doi.org/") or address[1:] in parsed.ids
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    assert len(page.encode()) < 2_000_000


def test_plots_follow_the_theme(page):
    plots = re.findall(r'<svg viewBox.*?class="plot".*?</svg>', page, flags=re.DOTALL)
    assert len(plots) >= 10
    for plot in plots:
        assert "<text" in plot, "text must stay text"
        assert "var(--ink)" in plot
        for colour in re.findall(r"(?:fill|stroke): (#[0-9a-f]{6});(?! (?:fill|stroke): var)", plot):
            assert colour == "#000000", f"{colour} would not follow the theme"
        assert "<style" not in plot


def test_writing_leaves_nothing_else_and_the_table_is_complete(written, synthetic_document):
    assert sorted(path.name for path in written.iterdir()) == ["report.html", "results.csv", "results.json"]
    rows = list(csv.DictReader((written / "results.csv").read_text().splitlines()))
    assert len(rows) == len(synthetic_document["quantities"])
    for row in rows:
        quantity = at(synthetic_document, row["path"])
        assert (float(row["value"]) if row["value"] else None) == quantity["value"]
        assert (row["converged"] == "True") == quantity["converged"]


def test_the_first_lines_say_what_was_asked_and_found(results):
    question = " ".join(asked(results))
    assert "c-Li₁₅Si₄" in question
    assert "600, 750, 900 and 1050 K" in question
    assert "40 ps" in question
    crystal, glass = found(results)
    assert crystal.system == "c-Li15Si4"
    assert any("activation energy" in sentence for sentence in glass.sentences)
    assert any("assumption" in sentence for sentence in glass.sentences), "an extrapolation must say so"


def test_what_did_not_converge_is_said_with_its_reason(results):
    text = {gap.what: gap.reasons for gap in gaps(results)}
    nothing = "No tracer diffusivity of Si in c-Li₁₅Si₄ at 600, 750, 900 and 1050 K, and so no activation energy."
    assert nothing in text
    assert any("not diffusive yet" in reason for reason in text[nothing])
    assert "No activation energy of Li in c-Li₁₅Si₄." in text
    missing = sum(q.value is None for s in results.systems for run in s.runs for q in run.quantities)
    named = sum(
        what.count(" K, ") + what.count(" K.") or 1 for what in text if what.startswith("No tracer")
    )  # every gap names its temperatures
    assert missing >= named > 0
    assert any("melt was held for 10 ps" in text for text in doubts(results))
    assert any("Extrapolated from" in text for text in cautions(results))


def test_gaps_of_one_cause_are_one_gap(synthetic_document):
    document = copy.deepcopy(synthetic_document)
    for run in document["systems"][0]["runs"][:3]:
        (lithium,) = [q for q in run["quantities"] if q["name"] == "tracer_diffusivity" and q["species"] == "Li"]
        run["quantities"].append({**lithium, "name": "ionic_conductivity", "unit": "S/cm"})
    texts = [gap.what for gap in gaps(Results.model_validate(document))]
    assert "No tracer diffusivity or ionic conductivity of Li in c-Li₁₅Si₄ at 600, 750 and 900 K." in texts
    assert not any(text.startswith("No ionic conductivity") for text in texts)


def test_no_fit_is_said_once_where_there_is_nothing_to_fit(synthetic_document):
    document = copy.deepcopy(synthetic_document)
    nothing = {"name": "x", "value": None, "unit": "eV", "species": "Si", "converged": False, "warnings": ["no points"]}
    document["systems"][0]["arrhenius"]["Si"] = {
        "activation_energy": {**nothing, "name": "activation_energy"},
        "prefactor": {**nothing, "name": "diffusion_prefactor"},
        "at_300K": {**nothing, "name": "tracer_diffusivity", "unit": "cm^2/s"},
    }
    texts = [gap.what for gap in gaps(Results.model_validate(document)) if "Si in c-" in gap.what]
    assert texts == [
        "No tracer diffusivity of Si in c-Li₁₅Si₄ at 600, 750, 900 and 1050 K, and so no activation energy."
    ]


def test_a_method_used_often_is_a_note(page):
    assert page.count("generalised least squares on the MSD") <= 2 + 8  # a note a system, and the drawings' data
    for target in re.findall(r'href="#(note\d+-\d+)"', page):
        assert f'id="{target}"' in page


def test_a_fit_that_must_not_be_used_is_a_gap(synthetic_document):
    document = copy.deepcopy(synthetic_document)
    aside = "not diffusive yet: the slope still changes at the longest lags, log–log slope 0.3 (of 1)"
    for name in ("activation_energy", "prefactor", "at_300K"):
        document["systems"][1]["arrhenius"]["Li"][name].update(
            converged=False, warnings=[f"left out: 600 K ({aside})", "two temperatures give a line but no check"]
        )
    results = Results.model_validate(document)
    (gap,) = [gap for gap in gaps(results) if "prefactor" in gap.what]
    assert gap.what == (
        "No converged activation energy, diffusion prefactor or diffusivity at 300 K of Li in a-Li₁₅Si₄."
    )
    assert gap.reasons == ("Left out: 600 K.", "Two temperatures give a line but no check.")
    energy = results.systems[1].arrhenius["Li"].activation_energy
    assert "(not converged)" in quantity_html(energy, "x")
    assert not any("activation energy is" in text for finding in found(results) for text in finding.sentences)


def test_a_failed_job_is_among_the_gaps(synthetic_document):
    document = copy.deepcopy(synthetic_document)
    document["jobs"][3].update(state="failed", message="Lost atoms: 152 of 151.")
    name = document["jobs"][3]["name"]
    document["warnings"] = [f"The job '{name}' failed: Lost atoms: 152 of 151.", "The disk is slow"]
    results = Results.model_validate(document)
    texts = [(gap.what, gap.reasons) for gap in gaps(results)]
    assert doubts(results) == ["The disk is slow."], "a failed job is said once"
    assert (f"The job {name} ended as “failed”.", ("Lost atoms: 152 of 151.",)) in texts


def test_a_campaign_on_its_way_says_so(synthetic_document):
    document = copy.deepcopy(synthetic_document)
    document["campaign"]["diffusion"] = {"temperatures_K": [600, 1200]}
    for system in document["systems"]:
        system.update(runs=[], arrhenius={}, relaxed=None)
    for job in document["jobs"][2:]:
        job["state"] = "waiting"
    results = Results.model_validate(document)
    assert "at 600 and 1200 K" in " ".join(asked(results))
    waiting = gaps(results)[-1]
    assert waiting.what == f"{len(document['jobs']) - 2} jobs are “waiting” and gave nothing."
    assert waiting.reasons[0].endswith(f"and {len(document['jobs']) - 8} more.")
    assert "No quantity has a value yet" in report_html(results)


def test_no_verdict_without_an_error_bar(results):
    compared = comparisons(results)
    assert {c.verdict.word for c in compared} >= {"cannot be compared"}
    for comparison in compared:
        quantity = comparison.located.quantity
        if comparison.verdict.word != "cannot be compared":
            assert quantity.interval95 or quantity.uncertainty
            assert not comparison.published.flagged


def test_a_barrier_of_one_hop_is_shown_but_not_judged(synthetic_document):
    document = copy.deepcopy(synthetic_document)
    document["systems"][1].update(kind="crystal", name="c-Li15Si4 (2)")
    (found,) = [c for c in comparisons(Results.model_validate(document)) if c.published.quantity == "migration_barrier"]
    assert found.verdict.word == "cannot be compared"
    assert "cost of the carriers" in found.verdict.reason


def test_an_empty_campaign_still_gives_a_page():
    text = report_html(Results.model_validate({"anodeflow": "0.1.0", "systems": []}))
    assert Page(text).open == []
    assert "No quantity has a value yet" in text


def test_text_from_the_campaign_cannot_break_the_page(synthetic_document):
    document = copy.deepcopy(synthetic_document)
    evil = "</script><script>alert(1)</script> \"'& <b>"
    document["campaign"]["title"] = evil
    document["warnings"] = [evil]
    for system in document["systems"]:
        system.update(structure=None, runs=system["runs"][:1])
    document["systems"][0]["runs"][0]["quantities"][0]["warnings"] = [evil]
    document["systems"][1]["arrhenius"]["Li"]["points"][0]["reason"] = evil
    text = report_html(Results.model_validate(document))
    assert "<script>alert" not in text
    assert Page(text).open == []


def test_curves_and_their_numbers(results):
    system = results.systems[1]
    curves = {f"{run.temperature_K:g} K": run.msd["Li"] for run in system.runs}
    figure = msd_figure("k", "Li", curves, "a-Li15Si4")
    assert [view.label for view in figure.views] == ["linear", "log–log"]
    assert [series.style for series in figure.series] == ["dashed", "line", "line", "line"]
    for view in figure.views:
        assert set(re.findall(r'data-series="(\d)"', view.svg)) == {"0", "1", "2", "3"}
        last = [point for point in view.points if point.series == 3][-1]
        assert f"{curves['1050 K'].msd_A2[-1]:.4g} ±" in last.text
        assert 0 < last.x < 447
        assert 0 < last.y < 303
    lowest, highest = ([p for p in figure.views[0].points if p.series == s][-1] for s in (0, 3))
    assert highest.y < lowest.y, "the hottest run must stand highest"


def test_arrhenius_points_lie_where_they_belong(results):
    fit = results.systems[1].arrhenius["Li"]
    (view,) = arrhenius_figure("k", [ArrheniusCurve("Li", fit, 0)]).views
    used = [point for point in view.points if "no result" not in point.text]
    assert len(used) == 3
    hot, cold = (next(p for p in used if f"{T} K" in p.text) for T in (1050, 750))
    assert hot.x < cold.x
    assert hot.y < cold.y
    assert sum("no result" in point.text for point in view.points) == 1


def test_no_course_no_figure(results):
    run = results.systems[0].runs[0].model_copy(update={"thermo": type(results.systems[0].runs[0].thermo)()})
    assert thermo_figure("k", [run]) is None


def test_numbers_as_they_are_printed():
    def plain(text):
        return text.replace("\N{NO-BREAK SPACE}", " ")

    assert plain(number_text(1.23e-6, 4.5e-7)) == "(1.23 ± 0.45) × 10⁻⁶"
    assert plain(number_text(-2.361)) == "−2.361"
    assert plain(number_text(3.0e21)) == "3 × 10²¹"
    assert plain(quantity_text(Quantity("e", 0.43, "eV", 0.03))) == "(0.430 ± 0.030) eV"
    wide = Quantity("d", 3.607e-10, "cm^2/s", 4.7e-10, (6.8e-11, 1.9e-9))
    assert plain(quantity_text(wide)) == "3.6 × 10⁻¹⁰ cm²/s"
    assert plain(interval_text(Quantity("t", 1049.3, "K", 2.1))) == "1045.2 to 1053.4"
    assert plain(interval_text(Quantity("e", 0.6, "eV", interval95=(0.5, 0.733)))) == "0.50 to 0.73"
    assert plain(interval_text(Quantity("p", 0.5, "eV", interval95=(0.00803, 32.2)))) == "0.00803 to 32.2"
    assert plain(quantity_text(Quantity("p", -0.01, "GPa", 0.02, (-0.05, 0.03)))) == "(−0.010 ± 0.020) GPa"
    assert plain(quantity_text(Quantity("d", None, "eV", converged=False))) == "no result"
    assert unit_text("A^3") == "Å³"
    assert unit_text("eV/A^2") == "eV/Å²"
    assert subscripted("c-Li15Si4 and Li15Si40", "Li15Si4") == "c-Li₁₅Si₄ and Li15Si40"


def test_the_page_of_one_analysis(results, synthetic_document, tmp_path):
    run = synthetic_document["systems"][1]["runs"][3]
    document = {
        "anodeflow": "0.1.0",
        "command": ["anodeflow", "analyse", "diffusion", "x.dump"],
        "inputs": {"x.dump": "ab" * 32},
        "quantities": run["quantities"],
        "warnings": ["The last frame was cut off."],
        "files": [],
    }
    figure = msd_figure("msd-Li", "Li", {"1050 K": results.systems[1].runs[3].msd["Li"]})
    path = write_analysis_page(document, tmp_path / "out", [figure], title="Diffusion in <x>")
    parsed = Page(path.read_text())
    assert parsed.open == []
    assert [at(document, where)["value"] for where, _ in parsed.numbers] == [value for _, value in parsed.numbers]
    assert "The last frame was cut off." in path.read_text()
    assert "not diffusive yet" in path.read_text()
    assert len((tmp_path / "out" / "analysis.csv").read_text().splitlines()) == 1 + len(run["quantities"])
    with pytest.raises(InputError, match="damaged"):
        write_analysis_page({**document, "quantities": [{"name": "x"}]}, tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_a_matplotlib_figure_of_another_kind(tmp_path):
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(4, 3))
    axes = canvas.subplots()
    axes.plot([0, 1, 2], [3, 1, 2], color="#123456")
    axes.set_title("stress < 1 & more")
    figures = [drawn(canvas, f"stress-{i}", "Stress", "Stress across the layers.") for i in (1, 2)]
    path = write_analysis_page({"anodeflow": "0.1.0", "quantities": []}, tmp_path, figures)
    parsed = Page(path.read_text())
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids)), "two figures must not share identities"
    assert "stroke: #123456" in path.read_text()


def test_a_page_of_pictures_carries_no_script(tmp_path):
    picture = pictured(b"\x89PNG not really", "p", "Profile", "")
    path = write_page(
        tmp_path / "stress.html",
        title="stress",
        quantities=[Quantity("hydrostatic_stress", -1.2, "GPa", 0.1, warnings=("not in balance",))],
        figures=[],
        explanation="First.\n\nSecond.",
        inputs={"a.dump": "f" * 64},
    )
    text = path.read_text()
    parsed = Page(text)
    assert parsed.open == []
    assert "<script" not in text
    assert "Hydrostatic stress: not in balance." in text
    assert "<p>Second.</p>" in text
    assert "a.dump" in text
    assert parsed.numbers == [("quantities.0", -1.2)]
    with_picture = write_analysis_page({"anodeflow": "0.1.0", "quantities": []}, tmp_path, [picture]).read_text()
    assert 'src="data:image/png;base64,' in with_picture
    assert "<script" not in with_picture


def test_a_page_names_files_without_the_folders_of_this_machine(tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    files = [tmp_path / "700K" / "run.dump", tmp_path / "800K" / "run.dump", here / "own" / "run.dump"]
    digests = {str(file): str(k) * 64 for k, file in enumerate(files)}
    source = ", ".join(digests)
    found = [Quantity("hydrostatic_stress", -1.2, "GPa", 0.1, source=source), Quantity("barrier", 1.0, "eV", 0.1)]
    warned = ["fewer frames were read", f"{files[0]} is cut off"]
    text = write_page(here / "s.html", title="s", quantities=found, warnings=warned, inputs=digests).read_text()
    assert str(tmp_path) not in text
    assert "700K/run.dump, 800K/run.dump, own/run.dump" in text
    assert "700K/run.dump is cut off" in text
    for name, digest in zip(("700K/run.dump", "800K/run.dump", "own/run.dump"), digests.values(), strict=True):
        (row,) = (line for line in text.split("<tr>") if digest in line)
        assert f"<code>{name}</code>" in row


def test_a_warning_of_a_quantity_is_said_once(tmp_path):
    said = ("the sites may be the wrong ones",)
    path = write_page(
        tmp_path / "j.html",
        title="jumps",
        quantities=[Quantity("jump_rate", 1.0, "1/ps", 0.1, warnings=said)],
        warnings=[*said, "one frame is cut off"],
    )
    assert path.read_text().count(said[0]) == 1
    assert "One frame is cut off." in path.read_text()
