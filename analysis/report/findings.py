"""The first lines of the report: what was asked, what was found, and what did not converge, in plain sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .document import Arrhenius, ArrheniusPoint, Job, Results, Run, System
from .markup import escape, interval_text, joined, name_text, quantity_html, sentence, subscripted
from .quantities import Located, everything, in_sentence, of_part, of_system

_MOST_NAMES = 6
"""Jobs, or things that a warning is about, that are named one by one."""

_NUMBER = re.compile(r"(?<![\w.#(–-])[-−]?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?:–\d+(?:\.\d+)?)?(?!\w|\.\d)")
"""A number or a range that stands by itself, and not one in a formula, a face or a name."""

_NO_REASON = "no reason was given"

_BOOKKEEPING = ("temperature", "pressure")
"""Quantities that check a run and are no finding."""


@dataclass(frozen=True)
class Gap:
    """Something that was asked for and has no usable number.

    Attributes
    ----------
    what
        Sentence.
    reasons
        Sentences, each with the conditions that it applies to.
    """

    what: str
    reasons: tuple[str, ...]


def asked(results: Results) -> list[str]:
    """Return what the campaign was to find out, as sentences of HTML."""
    systems = joined([_introduce(system) for system in results.systems])
    temperatures = _temperatures(results)
    own_words = [results.campaign.get(key) for key in ("question", "description")]
    sentences = [escape(text) for text in own_words if isinstance(text, str)]
    species = sorted({name for system in results.systems for run in system.runs for name in run.msd})
    if temperatures:
        at = joined([f"{T:g}" for T in temperatures])
        times = sorted({_length(run.steps, run.timestep_fs) for s in results.systems for run in s.runs} - {""})
        each = f", {times[0]} at each temperature" if len(times) == 1 else ""
        sentences.append(
            f"How fast {'do' if len(species) > 1 else 'does'} {joined(species) or 'the atoms'} diffuse in {systems}, "
            f"and with what activation energy? Molecular dynamics at {at} K{each}."
        )
    elif systems:
        sentences.append(f"The properties of {systems}.")
    sentences += [escape(part.asked) for part in results.parts if part.asked]
    if results.potential:
        cited = f" ({escape(results.potential.citation)})" if results.potential.citation else ""
        sentences.append(f"Energies and forces are those of {escape(results.potential.name)}{cited}.")
    return sentences


def _temperatures(results: Results) -> list[float]:
    """Return the temperatures that were asked for, whether or not they were reached."""
    asked_for = results.campaign
    if isinstance(asked_for.get("diffusion"), dict):
        asked_for = asked_for["diffusion"]
    given = asked_for.get("temperatures_K")
    numbers = [T for T in given if isinstance(T, int | float)] if isinstance(given, list) else []
    return sorted({*map(float, numbers), *(run.temperature_K for system in results.systems for run in system.runs)})


def _introduce(system: System) -> str:
    facts = [fact for fact in (system.kind, f"{system.natoms} atoms" if system.natoms else "") if fact]
    return f'<b class="whole">{escape(system.label)}</b>' + (f" ({escape(', '.join(facts))})" if facts else "")


def _length(steps: int | None, timestep_fs: float | None) -> str:
    if not steps or not timestep_fs:
        return ""
    ps = steps * timestep_fs / 1000
    return f"{ps:g} ps" if ps < 1000 else f"{ps / 1000:g} ns"


@dataclass(frozen=True)
class Finding:
    """What came out for one system, as sentences of HTML."""

    system: str
    label: str
    sentences: tuple[str, ...]


def found(results: Results) -> list[Finding]:
    """Return what came out, system by system; systems without any number are left out."""
    findings = []
    for index, system in enumerate(results.systems):
        own = list(of_system(results, index))
        sentences = [text for species in _species(system) for text in _diffusion(own, species)]
        sentences += [text for text in (_cell(own),) if text]
        if sentences:
            findings.append(Finding(system.name, system.label, tuple(sentences)))
    for index, part in enumerate(results.parts):
        own = list(of_part(results, index))
        headline = {(group.label, name) for group in part.groups for name in group.headline}
        for label in dict.fromkeys(group.label for group in part.groups):
            shown = [x for x in own if x.label == label and (label, x.quantity.name) in headline and _usable(x)]
            if shown:
                said = joined([f"{escape(_subject(x))} {_html(x)}" for x in shown])
                findings.append(Finding(label, label, (f"{said[:1].upper()}{said[1:]}.",)))
    return findings


def _subject(located: Located) -> str:
    quantity = located.quantity
    species = f" of {quantity.species}" if quantity.species else ""
    at = f" at {located.group}" if located.temperature_K is not None and species else ""
    return f"{name_text(quantity.name)}{species}{at}"


def _usable(located: Located) -> bool:
    return located.quantity.value is not None and located.quantity.converged


def arrhenius_points(system: System) -> dict[str, Arrhenius]:
    """Return the Arrhenius fit of each element, or where there is none its bare points, if any has a value."""
    found = {species: fit for species, fit in system.arrhenius.items() if fit.points}
    for species in _species(system):
        if species in found:
            continue
        points = []
        for run in system.runs:
            first = next((q for q in run.quantities if q.name == "tracer_diffusivity" and q.species == species), None)
            if first is not None:
                points.append(
                    ArrheniusPoint(
                        temperature_K=run.temperature_K, quantity=first, used=False, reason="there is no fit"
                    )
                )
        if any(point.quantity.value is not None for point in points):
            found[species] = Arrhenius(points=points)
    return found


def _species(system: System) -> list[str]:
    seen: dict[str, None] = {}
    for run in system.runs:
        seen.update(dict.fromkeys(run.msd))
        seen.update(dict.fromkeys(q.species for q in run.quantities if q.species))
    return sorted(seen, key=lambda name: (name not in system.arrhenius, name))


def diffusivities(own: Iterable[Located], species: str) -> list[Located]:
    """Return the first tracer diffusivity of a species at each temperature, from cold to hot."""
    first: dict[float, Located] = {}
    for located in own:
        quantity = located.quantity
        if located.extrapolated or located.temperature_K is None:
            continue
        if quantity.name == "tracer_diffusivity" and quantity.species == species:
            first.setdefault(located.temperature_K, located)
    return [first[T] for T in sorted(first)]


def _diffusion(own: list[Located], species: str) -> list[str]:
    every = diffusivities(own, species)
    good = [located for located in every if located.quantity.value is not None and located.quantity.converged]
    sentences = []
    if len(good) == 1:
        sentences.append(f"{species} diffuses at {good[0].group} with D = {_html(good[0])}.")
    elif good:
        sentences.append(
            f"{species} diffuses, with D from {_html(good[0])} at {good[0].group} to {_html(good[-1])} at "
            f"{good[-1].group}."
        )
    if every and len(good) < len(every) and good:
        sentences.append(f"{len(every) - len(good)} of {len(every)} temperatures gave none.")
    if every and not good:
        sentences.append(f"{species} gave no diffusivity at any of {len(every)} temperatures.")
    for located in own:
        quantity = located.quantity
        if quantity.species != species or quantity.value is None or not quantity.converged:
            continue
        if quantity.name == "activation_energy":
            sentences.append(f"Its activation energy is {_html(located)} (95 %: {interval_text(quantity)} eV).")
        elif located.extrapolated:
            sentences.append(
                f"Extrapolated to 300 K, D = {_html(located)} (95 %: {interval_text(quantity)} cm²/s), on the "
                "assumption that nothing changes on the way down."
            )
    return sentences


def _html(located: Located) -> str:
    return quantity_html(located.quantity, located.path)


def _cell(own: list[Located]) -> str:
    relaxed = [x for x in own if x.group == "Relaxed cell" and x.quantity.value is not None]
    chosen = [x for x in relaxed if x.quantity.name in ("volume_per_host_atom", "density")]
    if not chosen:
        return ""
    return f"The relaxed cell has {joined([f'a {name_text(x.quantity.name)} of {_html(x)}' for x in chosen])}."


def gaps(results: Results) -> list[Gap]:
    """Return everything that was asked for and did not converge, with the reasons, gathered over temperatures."""
    groups: dict[tuple[str, str, str], list[Located]] = {}
    for located in everything(results):
        quantity = located.quantity
        if quantity.value is None or not quantity.converged:
            name = "" if _of_fit(located) else quantity.name
            groups.setdefault((located.label, quantity.species or "", name), []).append(located)
    order = {label: place for place, label in enumerate(dict.fromkeys(label for label, _, _ in groups))}
    groups = dict(sorted(groups.items(), key=lambda item: (order[item[0][0]], not item[0][2])))  # fits come last
    without_fit = _without_fit(results)
    found = []
    done: set[int] = set()
    for (label, species, name), members in groups.items():
        if id(members) in done:
            continue
        if not name and without_fit.get((label, species)) == 0 and all(x.quantity.value is None for x in members):
            continue  # there is not one diffusivity to fit, which has been said
        together, reasons = [(name, members)], _said(members)
        for (its_label, its_species, other), theirs in groups.items():
            alike = name and other and (its_label, its_species) == (label, species)
            if alike and theirs is not members and id(theirs) not in done:
                both = _shared(reasons, _said(theirs))
                if both:
                    together.append((other, theirs))
                    reasons = both
        done.update(id(theirs) for _, theirs in together)
        runs = without_fit.get((label, species), 0) if name == "tracer_diffusivity" else 0
        nothing = runs > 1 and len(_groups(members)) == runs
        if nothing:
            without_fit[label, species] = 0
        subject = joined([name_text(other) for other, _ in together], "or") if name else _fit_text(members)
        subject += (f" of {species}" if species else "") + (f" in {label}" if label else "")
        found.append(_gap(subject, members, reasons, so="and so no activation energy" if nothing else ""))
    for system in results.systems:
        for species in _species(system):
            runs = without_fit.get((system.label, species), 0)
            if runs > 1 and (system.label, species, "") not in groups:
                good = sum(_has_value(run, species) for run in system.runs)
                fit = system.arrhenius.get(species)
                warned = [sentence(brief(text)) for text in fit.warnings] if fit is not None else []
                few = f"{good} of {runs} temperatures gave a diffusivity."
                found.append(Gap(f"No activation energy of {species} in {system.label}.", (*warned, few)))
    return found + _unfinished(results)


def _unfinished(results: Results) -> list[Gap]:
    """Name the jobs without a result: failed ones with their message, the others together."""
    found, others = [], dict[str, list[str]]()
    for job in results.jobs:
        if job.state.lower() == "failed" or (job.message and not _ended_well(job)):
            reasons = (sentence(job.message),) if job.message else ()
            found.append(Gap(f"The job {job.name} ended as “{job.state}”.", reasons))
        elif not _ended_well(job):
            others.setdefault(job.state, []).append(job.name)
    for state, names in others.items():
        many = f"{len(names)} jobs are" if len(names) > 1 else "One job is"
        found.append(Gap(f"{many} “{state}” and gave nothing.", (f"{joined(_few(names))}.",)))
    return found


def _few(names: Sequence[str]) -> list[str]:
    """Return the first names and how many more there are."""
    more = len(names) - _MOST_NAMES
    return [*names[:_MOST_NAMES], f"{more} more"] if more > 0 else list(names)


def _ended_well(job: Job) -> bool:
    return job.state.lower() in ("", "done", "finished", "completed", "reused")


def _of_fit(located: Located) -> bool:
    return ".arrhenius." in located.path


def _fit_text(members: list[Located]) -> str:
    names = ["diffusivity at 300 K" if x.extrapolated else name_text(x.quantity.name) for x in members]
    return joined(names, "or")


def _groups(members: list[Located]) -> list[str]:
    return list(dict.fromkeys(located.group for located in members))


def _said(members: list[Located]) -> dict[str, list[str]]:
    """Return the reasons at each place."""
    found: dict[str, list[str]] = {}
    for located in members:
        found.setdefault(located.group, []).extend(located.quantity.warnings or (_NO_REASON,))
    return found


def _shared(one: dict[str, list[str]], other: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the reasons that two quantities share; nothing where they share none at one of their places."""
    if list(one) != list(other):
        return {}
    both = {group: [text for text in texts if text in other[group]] for group, texts in one.items()}
    return both if all(both.values()) else {}


def brief(warning: str) -> str:
    """Return a warning without its long asides: those are said where they belong."""
    return re.sub(r" \((?:[^()]|\([^()]*\)){40,}\)", "", warning)


def _without_fit(results: Results) -> dict[tuple[str, str], int]:
    """Return, for each system and element without an activation energy, at how many temperatures it was followed."""
    found = {}
    for system in results.systems:
        for species in _species(system):
            fit = system.arrhenius.get(species)
            if fit is None or fit.activation_energy is None or fit.activation_energy.value is None:
                found[system.label, species] = sum(species in run.msd for run in system.runs)
    return found


def _has_value(run: Run, species: str) -> bool:
    return any(
        q.name == "tracer_diffusivity" and q.species == species and q.value is not None and q.converged
        for q in run.quantities
    )


def _gap(subject: str, members: list[Located], said: dict[str, list[str]], so: str) -> Gap:
    groups = _groups(members)
    kelvin = [group.removesuffix(" K") for group in groups if group.endswith(" K")]
    at = f" at {joined(kelvin)} K" if len(kelvin) == len(groups) else ""
    if not at and not any(_of_fit(located) for located in members):
        at = f" ({joined(list(dict.fromkeys(in_sentence(located) for located in members)))})"
    verb = "No" if all(located.quantity.value is None for located in members) else "No converged"
    alike: dict[str, list[tuple[str, str]]] = {}
    for group, warnings in said.items():
        for warning in warnings:
            text = sentence(brief(warning))
            alike.setdefault(_NUMBER.sub("#", text), []).append((group, text))
    reasons = []
    for same in alike.values():
        where, text = same[-1]
        others = joined(list(dict.fromkeys(group for group, _ in same[:-1] if group != where)))
        everywhere = len({text for _, text in same}) == 1 and {group for group, _ in same} == set(groups)
        if len(groups) == 1 or everywhere or not at:
            reasons.append(text)
        else:
            reasons.append(f"{where}: {text}" + (f" Likewise at {others}." if others else ""))
    return Gap(f"{verb} {subject}{at}{', ' + so if so else ''}.", tuple(reasons))


def doubts(results: Results) -> list[str]:
    """Return what casts doubt on the campaign as a whole, without the failed jobs, which are gaps."""
    failed = [job.name for job in results.jobs if not _ended_well(job)]
    texts = [text for text in results.warnings if not any(f"'{name}'" in text for name in failed)]
    return list(dict.fromkeys(sentence(_subscripted(results, text)) for text in texts))


def cautions(results: Results) -> list[str]:
    """Return warnings about numbers that do stand, each once with what it is about."""
    seen: dict[str, None] = {}
    for system in results.systems:
        for species, fit in system.arrhenius.items():
            said = fit.activation_energy.warnings if fit.activation_energy else fit.warnings
            for text in fit.warnings:
                if text not in said:
                    seen[sentence(f"Arrhenius fit of {species} in {system.label}: {brief(text)}")] = None
    shared: dict[str, dict[str, list[Located]]] = {}
    for located in everything(results):
        quantity = located.quantity
        if quantity.value is not None and quantity.converged and quantity.name not in _BOOKKEEPING:
            for warning in quantity.warnings:
                text = brief(warning)
                if text.startswith("left out"):  # the plot and the gaps say it
                    continue
                shared.setdefault(_NUMBER.sub("#", text), {}).setdefault(text, []).append(located)
    for texts in shared.values():
        members = [located for group in texts.values() for located in group]
        seen[sentence(f"{_subjects(members)}: {_spanned(list(texts))}")] = None
    return list(seen)


def _spanned(texts: Sequence[str]) -> str:
    """Return texts that differ in numbers alone as one, with the range of each number that differs."""
    spans = []
    for numbers in zip(*(_NUMBER.findall(text) for text in texts), strict=True):
        distinct = list(dict.fromkeys(numbers))
        if len(distinct) > 1 and not any("–" in number for number in distinct):
            ordered = sorted(distinct, key=lambda number: float(number.replace("−", "-")))
            distinct = [f"{ordered[0]} to {ordered[-1]}"]
        spans.append(joined(distinct, "or"))
    left = iter(spans)
    return _NUMBER.sub(lambda _: next(left), texts[0])


def _subjects(members: list[Located]) -> str:
    """Name what a warning is about, as ``tracer diffusivity of Li at 700 and 850 K in a-Li15Si4``."""
    found: dict[str, dict[str, dict[str, None]]] = {}
    for located in members:
        quantity = located.quantity
        subject = "Arrhenius fit" if _of_fit(located) else name_text(quantity.name)
        subject += f" of {quantity.species}" if quantity.species else ""
        found.setdefault(subject, {}).setdefault(located.label, {})[located.group] = None
    together: dict[tuple[str, ...], list[str]] = {}
    for subject, labels in found.items():
        together.setdefault(tuple(label for label in labels if label), []).append(subject)
    groups = dict.fromkeys(located.group for located in members)
    kelvin = [group.removesuffix(" K") for group in groups if group.endswith(" K")]
    at = f" at {joined(kelvin)} K" if kelvin and len(together) == 1 and len({x.label for x in members}) == 1 else ""
    parts = [
        f"{joined(subjects)}{f' in {joined(_few(labels))}' if labels else ''}{at}"
        for labels, subjects in together.items()
    ]
    return joined(parts)


def _subscripted(results: Results, text: str) -> str:
    for system in results.systems:
        text = subscripted(text, system.formula)
    return text
