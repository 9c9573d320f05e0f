"""``anodeflow analyse structure | stress | jumps | neb | voltage``."""

from __future__ import annotations

from itertools import combinations_with_replacement
from pathlib import Path
from typing import Annotated, Any

import typer

from .analyse import (
    Data,
    Elements,
    Explain,
    Files,
    Json,
    Out,
    Start,
    Step,
    Stop,
    Timestep,
    finish,
    read,
)

_COMPONENTS = ("xx", "yy", "zz", "xy", "xz", "yz")


def _read_any(files: list[Path], data: Path | None, elements: str | None, cut: tuple[int | None, ...]) -> Any:
    """Read frames whose time does not matter; positions may stay wrapped."""
    from ..analysis.reading.trajectory import read_trajectory

    names = elements.replace(",", " ").split() if elements else None
    start, stop, step = cut
    return read_trajectory(
        files, timestep_fs=1.0 if _has_no_time(files) else None, data=data, species=names, start=start, stop=stop,
        step=step, unwrap=False,
    )  # fmt: skip


def _has_no_time(files: list[Path]) -> bool:
    from ..analysis.reading.formats import kind_of
    from ..analysis.reading.lammps_dump import LammpsDump

    kind = kind_of(files[0])
    if kind == "lammps":
        dump = LammpsDump(files[0])
        return dump.time_ps(dump.first) is None
    return kind in ("xdatcar", "ase")


def structure(
    files: Files,
    pair: Annotated[list[str] | None, typer.Option("--pair", help="Pair such as Li-S; may be given again.")] = None,
    host: Annotated[
        str | None, typer.Option("--host", help="Host element for volume and clusters, such as Si.")
    ] = None,
    cutoff_A: Annotated[
        float | None, typer.Option("--cutoff-A", help="Shell of all pairs, in Å; found if not given.")
    ] = None,
    r_max_A: Annotated[float, typer.Option("--r-max-A", help="Range of the radial distribution functions.")] = 8.0,
    data: Data = None,
    elements: Elements = None,
    start: Start = None,
    stop: Stop = None,
    step: Step = None,
    as_json: Json = False,
    out: Out = None,
    explain: Explain = False,
) -> None:
    """Radial distribution, coordination, density, clusters and anion environments."""
    from ..analysis.figures_structure import draw_radial
    from ..analysis.structure.bulk import coordination_number, mass_density, radial_distribution, volume_per_host_atom
    from ..analysis.structure.clusters import (
        CRYSTAL_COORDINATION,
        anion_environments,
        find_clusters,
        thiophosphate_units,
    )
    from ..errors import InputError

    t = _read_any(list(files), data, elements, (start, stop, step))
    present = sorted(set(t.species))
    if pair:
        pairs = [tuple(text.split("-")) for text in pair]
        if any(len(names) != 2 for names in pairs):
            raise InputError(f"{pair} are not pairs", remedy="Write them like Li-S.")
    else:
        pairs = list(combinations_with_replacement(present, 2))
    results = [radial_distribution(t, a, b, r_max_A=r_max_A) for a, b in pairs if a != b or t.species.count(a) > 1]
    quantities = [mass_density(t)]
    if host:
        quantities.append(volume_per_host_atom(t, host))
    for result in results:
        cutoff = result.first_minimum_A() if cutoff_A is None else cutoff_A
        quantities.append(coordination_number(t, *result.pair, cutoff_A=cutoff))
    last = (t.positions[-1], t.cells[-1], t.species)
    extra: dict[str, Any] = {"frames": t.n_frames, "last_frame": {}}
    if host:
        found = find_clusters(*last, [(host, host)], periodic=t.periodic)
        extra["last_frame"][f"{host}_clusters"] = found.count()
    if "P" in present and "S" in present:
        extra["last_frame"]["P-S_units"] = thiophosphate_units(*last, periodic=t.periodic)
    if "Li" in present:
        for anion in sorted(set(present) & set(CRYSTAL_COORDINATION)):
            sorted_out = anion_environments(*last, anion, periodic=t.periodic)
            extra["last_frame"][f"{anion}_environments"] = {
                "bonded": sorted_out.bonded,
                f"{sorted_out.salt}-like": sorted_out.salt_like,
                "other": sorted_out.other,
            }
    rows = [
        ("-".join(result.pair), float(r), float(g), float(error), float(n))
        for result in results
        for r, g, error, n in zip(result.r_A, result.g, result.g_error, result.coordination, strict=True)
    ]
    finish(
        "structure",
        inputs=files,
        quantities=quantities,
        warnings=t.warnings,
        tables={"radial_distribution": (("pair", "r_A", "g", "g_error", "coordination"), rows)},
        figures={"radial_distribution": lambda path: draw_radial(results, path)},
        extra=extra,
        out=out,
        as_json=as_json,
        explained=explain,
    )


def stress(
    file: Annotated[Path, typer.Argument(help="LAMMPS dump with per-atom stress.", metavar="FILE")],
    column: Annotated[str, typer.Option("--column", help="Stem of the six columns, as in c_stress[1].")] = "c_stress",
    masses: Annotated[
        str | None, typer.Option("--masses", help="If the columns hold the virial alone: 'Li=6.94 Si=28.086'.")
    ] = None,
    layer_A: Annotated[float, typer.Option("--layer-A", help="Thickness of a layer, at least.", min=0.1)] = 3.0,
    axis: Annotated[str, typer.Option("--axis", help="x, y or z.")] = "z",
    units: Annotated[str, typer.Option("--units", help="LAMMPS units, where the dump does not say them.")] = "metal",
    skip: Annotated[int, typer.Option("--skip", help="Frames at the beginning to leave out.", min=0)] = 0,
    interface_A: Annotated[float | None, typer.Option("--interface-A", help="Place of an interface.")] = None,
    bulk_A: Annotated[str | None, typer.Option("--bulk-A", help="Ranges of bulk on both sides: '5:15 25:35'.")] = None,
    as_json: Json = False,
    out: Out = None,
    explain: Explain = False,
) -> None:
    """Stress in layers, its balance, and the stress of an interface."""
    import numpy as np

    from ..analysis.figures_structure import draw_stress
    from ..analysis.mechanics.interface_stress import interface_stress, slab_stress
    from ..analysis.mechanics.stress import stress_profile, von_mises
    from ..errors import InputError
    from ..quantity import Quantity

    if axis not in ("x", "y", "z"):
        raise InputError(f"axis is {axis}", remedy="Give x, y or z.")
    table = None
    if masses:
        try:
            table = {
                name: float(value) for name, value in (word.split("=") for word in masses.replace(",", " ").split())
            }
        except ValueError:
            raise InputError(f"masses are '{masses}'", remedy="Write them like 'Li=6.94 Si=28.086'.") from None
    profile = stress_profile(
        file, stress=column, kinetic=table or "included", layer_A=layer_A, axis="xyz".index(axis), units=units,
        skip_frames=skip,
    )  # fmt: skip
    blocks = profile.blocks_GPa.mean(axis=1)
    enough = len(blocks) >= 8

    def whole(name: str, value: float, samples: Any) -> Quantity:
        error = float(np.std(samples, ddof=1) / np.sqrt(len(samples))) if enough else None
        return Quantity(
            name, value, "GPa", uncertainty=error, method="per-atom virial and kinetic part over the cell",
            interval95=None if error is None else (value - 2 * error, value + 2 * error), source=profile.source,
        )  # fmt: skip

    cell = profile.cell_stress_GPa
    quantities = [whole(f"stress_{name}", float(cell[k]), blocks[:, k]) for k, name in enumerate(_COMPONENTS)]
    quantities.append(whole("hydrostatic_stress", float(cell[:3].mean()), blocks[:, :3].mean(axis=1)))
    quantities.append(whole("von_mises_stress", float(von_mises(cell)), von_mises(blocks)))
    quantities.append(profile.normal_balance())
    height = float(profile.layer_A * len(profile.position_A))
    thickness = _slab_of(file, "xyz".index(axis))
    if thickness is not None:
        inside = slab_stress(cell, height, thickness)
        within = slab_stress(blocks, height, thickness)
        quantities += [
            whole(f"slab_stress_{name}", float(inside[k]), within[:, k])
            for k, name in enumerate(_COMPONENTS)
            if str("xyz"[profile.axis]) not in name
        ]
    if interface_A is not None:
        ranges = [tuple(float(v) for v in word.split(":")) for word in (bulk_A or "").split()]
        if len(ranges) != 2 or any(len(each) != 2 for each in ranges):
            raise InputError(f"bulk is '{bulk_A}'", remedy="Write both ranges in Å, like '5:15 25:35'.")
        (a, b), (c, d) = ranges
        quantities += interface_stress(profile, interface_A, (a, b), (c, d))
    header = ("position_A", *(f"stress_{n}_GPa" for n in _COMPONENTS), *(f"error_{n}_GPa" for n in _COMPONENTS))
    rows = [
        tuple(float(v) for v in (z, *s, *e, h, m, n))
        for z, s, e, h, m, n in zip(
            profile.position_A, profile.stress_GPa, profile.error_GPa, profile.hydrostatic_GPa, profile.von_mises_GPa,
            profile.atoms_per_A3, strict=True,
        )
    ]  # fmt: skip
    finish(
        "stress",
        inputs=[file],
        quantities=quantities,
        warnings=profile.warnings,
        tables={"stress_profile": ((*header, "hydrostatic_GPa", "von_mises_GPa", "atoms_per_A3"), rows)},
        figures={"stress_profile": lambda path: draw_stress(profile, path)},
        extra={"frames": profile.n_frames, "layer_A": profile.layer_A, "axis": axis, "slab_thickness_A": thickness},
        out=out,
        as_json=as_json,
        explained=explain,
    )


def _slab_of(file: Path, axis: int) -> float | None:
    """Return the thickness of the slab in the first frame, or None where there is no vacuum."""
    from ..analysis.mechanics.interface_stress import slab_thickness
    from ..analysis.reading.lammps_dump import LammpsDump

    dump = LammpsDump(file)
    frame = next(dump.frames(), None)
    if frame is None:
        return None
    cell, origin = dump.box_in_angstrom(frame.header)
    return slab_thickness(frame.positions - origin, cell, axis)


def jumps(
    files: Files,
    species: Annotated[str, typer.Option("--species", help="Element that jumps.")] = "Li",
    sites: Annotated[
        Path | None, typer.Option("--sites", help="Structure whose atoms of the species are the sites; else peaks.")
    ] = None,
    core_A: Annotated[float | None, typer.Option("--core-A", help="Radius of a site's core, in Å.")] = None,
    temperature_K: Annotated[
        float | None, typer.Option("--temperature-K", help="For the percolation barriers.", min=0)
    ] = None,
    data: Data = None,
    elements: Elements = None,
    timestep_fs: Timestep = None,
    start: Start = None,
    stop: Stop = None,
    step: Step = None,
    as_json: Json = False,
    out: Out = None,
    explain: Explain = False,
) -> None:
    """Sites, jumps, rates, residence times, correlation factor and percolation of the density."""
    import numpy as np

    from ..analysis.figures_structure import draw_jumps
    from ..analysis.hops.density_map import density_map, density_peaks, percolation_barriers, smooth
    from ..analysis.hops.jumps import correlation_factor, find_jumps, jump_diffusivity, jump_rate, residence_time
    from ..errors import InputError

    t = read(files, data=data, elements=elements, timestep_fs=timestep_fs, start=start, stop=stop, step=step)
    density = smooth(density_map(t, species, spacing_A=0.4), 0.4)
    if sites is None:
        places = density_peaks(density, separation_A=1.5)
    else:
        import ase.io

        atoms = ase.io.read(str(sites), index=-1)
        assert isinstance(atoms, ase.Atoms)
        chosen = np.array(atoms.get_chemical_symbols()) == species
        if not chosen.any():
            raise InputError(f"there is no {species}", where=str(sites))
        places = atoms.get_scaled_positions()[chosen]
    record = find_jumps(t, species, places, core_A=core_A)
    quantities = [jump_rate(record), residence_time(record), jump_diffusivity(record), correlation_factor(record)]
    needed = list(quantities)
    if temperature_K:
        quantities += percolation_barriers(density, temperature_K)
    occupancy = record.site_occupancy()
    rows = [
        (i, *map(float, place), float(share)) for i, (place, share) in enumerate(zip(places, occupancy, strict=True))
    ]
    hops = [
        (int(ion), float(frame * record.interval_ps), int(a), int(b), float(np.linalg.norm(vector)))
        for ion, frame, a, b, vector in zip(
            record.ion, record.frame, record.start, record.end, record.vector_A, strict=True
        )
    ]
    finish(
        "jumps",
        inputs=files,
        quantities=quantities,
        warnings=(*t.warnings, *record.warnings),
        tables={
            "sites": (("site", "a", "b", "c", "occupancy"), rows),
            "jumps": (("ion", "time_ps", "from", "to", "length_A"), hops),
        },
        figures={"jump_lengths": lambda path: draw_jumps(record, path)},
        extra={"sites": len(places), "jumps": record.n_jumps, "ions": record.n_ions},
        out=out,
        as_json=as_json,
        explained=explain,
        needed=needed,
    )


def neb(
    folders: Annotated[
        list[Path], typer.Argument(help="Folder of images, log.lammps or ASE trajectory.", metavar="DIR ...")
    ],
    images: Annotated[
        int | None, typer.Option("--images", help="Images of a band, if they cannot be told.", min=3)
    ] = None,
    as_json: Json = False,
    out: Out = None,
    explain: Explain = False,
) -> None:
    """Barriers of nudged elastic bands of LAMMPS, VASP or ASE."""
    from ..analysis.figures_structure import draw_bands
    from ..analysis.hops.neb import neb_barrier
    from ..analysis.hops.neb_read import read_neb

    barriers = [neb_barrier(read_neb(folder, images=images)) for folder in folders]
    quantities = [q for b in barriers for q in (b.forward, b.reverse, b.reaction_energy, b.length)]
    rows = [
        (b.path.source, i, float(s), float(e - b.path.energy_eV[0]))
        for b in barriers
        for i, (s, e) in enumerate(zip(b.path.arc_length_A, b.path.energy_eV, strict=True))
    ]
    finish(
        "neb",
        inputs=[file for folder in folders for file in _files_of_band(folder)],
        quantities=quantities,
        tables={"images": (("band", "image", "arc_length_A", "energy_eV"), rows)},
        figures={"bands": lambda path: draw_bands(barriers, path)},
        extra={"bands": [b.path.source for b in barriers]},
        out=out,
        as_json=as_json,
        explained=explain,
    )


def _files_of_band(path: Path) -> list[Path]:
    """Return the files that a band is read from, for their checksums."""
    if path.is_file():
        return [path]
    patterns = ("[0-9][0-9]/vasprun.xml", "[0-9][0-9]/OUTCAR*", "log.lammps", "*.traj")
    return next((sorted(path.glob(pattern)) for pattern in patterns if any(path.glob(pattern))), [])


def voltage(
    files: Files,
    host: Annotated[str, typer.Option("--host", help="Host element, such as Si.")],
    lithium_energy_eV: Annotated[
        float | None,
        typer.Option("--lithium-energy-eV", help="Energy of a lithium atom in the metal; else from a file of it."),
    ] = None,
    as_json: Json = False,
    out: Out = None,
    explain: Explain = False,
) -> None:
    """Voltage profile from relaxed structures with their energies, one file a phase."""
    import ase.io

    from ..analysis.energetics import composition_of, voltage_profile
    from ..analysis.figures_structure import draw_voltages
    from ..errors import InputError

    phases = []
    for file in files:
        try:
            atoms = ase.io.read(str(file), index=-1)
            assert isinstance(atoms, ase.Atoms)
            energy = float(atoms.get_potential_energy())
        except Exception as error:  # ASE raises whatever its parsers and calculators meet
            raise InputError(f"no structure with an energy can be read ({error})", where=str(file)) from None
        names = atoms.get_chemical_symbols()
        if set(names) == {"Li"} and lithium_energy_eV is None:
            lithium_energy_eV = energy / len(names)
            continue
        phases.append(composition_of(file.stem, names, energy, host=host))
    if lithium_energy_eV is None:
        raise InputError("the energy of lithium metal is not known", remedy="Give a file of it or --lithium-energy-eV.")
    profile = voltage_profile(phases, lithium_energy_eV)
    rows = [
        (phase.label, phase.x, float(formation), float(above))
        for phase, formation, above in zip(profile.phases, profile.formation_eV, profile.above_hull_eV, strict=True)
    ]
    finish(
        "voltage",
        inputs=files,
        quantities=[profile.mean, *profile.plateaus],
        tables={"phases": (("phase", "x", "formation_eV", "above_hull_eV"), rows)},
        figures={"voltage": lambda path: draw_voltages(profile, path)},
        extra={"stable": [phase.label for phase in profile.stable]},
        out=out,
        as_json=as_json,
        explained=explain,
    )


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to ``anodeflow analyse``."""
    for verb in (structure, stress, jumps, neb, voltage):
        app.command(verb.__name__)(verb)
