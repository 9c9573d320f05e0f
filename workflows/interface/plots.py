"""Plots of the section ``interface``: planes of cleavage, environments against time, composition and stress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def interface_plots(
    built: Mapping[str, Mapping[str, Any]], runs: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """Return the plots, as `anodeflow.analysis.report.document.Plot` reads them.

    Parameters
    ----------
    built
        Documents of the separations of the relaxed interfaces, by label.
    runs
        Documents of the runs, by label; the first run of each is drawn.
    """
    plots = [_planes(built)] if built else []
    first = {label: outputs[0] for label, outputs in runs.items()}
    thick = {
        label: output["thickness"] for label, output in first.items() if output.get("thickness", {}).get("time_ps")
    }
    if thick:
        plots.append(
            {
                "key": "thickness", "title": "Interphase against time", "x_label": "time since the sides met (ps)",
                "y_label": "thickness (Å)",
                "caption": "10 to 90 % of the step in the share of one side, mean over the contacts of the first run.",
                "curves": [
                    {"label": label, "x": one["time_ps"], "y": one["thickness_A"], "error": one["error_A"]}
                    for label, one in thick.items()
                ],
            }
        )  # fmt: skip
    for number, (label, output) in enumerate(first.items()):
        plots += _of_run(number, label, output)
    return plots


def _planes(built: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    curves = [
        {"label": f"{label}, contact {contact + 1}", "x": one["distance_A"], "y": one["work_J_m2"], "style": "points"}
        for label, output in built.items()
        for contact, one in enumerate(output["planes"])
    ]
    return {
        "key": "planes", "title": "Where it parts", "x_label": "distance of the plane from the contact (Å)",
        "y_label": "rigid work of separation (J/m²)",
        "caption": "Each point is a plane that parts other atoms; the interface relaxed at 0 K, parted as it is.",
        "curves": curves,
    }  # fmt: skip


def _of_run(number: int, label: str, output: Mapping[str, Any]) -> list[dict[str, Any]]:
    plots = []
    chemistry = output.get("chemistry")
    if chemistry:
        time = chemistry["time_ps"]
        counts = {f"{pair} lost": values for pair, values in chemistry["lost"].items()}
        counts |= {f"{pair} made": values for pair, values in chemistry["made"].items()}
        if chemistry["units"] is not None:
            counts["PS4 units"] = chemistry["units"]
        counts |= {f"{salt}-like": values for salt, values in chemistry["salt_like"].items()}
        if counts:
            plots.append(
                {
                    "key": f"environments-{number}", "title": f"Bonds and environments, {label}",
                    "x_label": "time since the sides met (ps)", "y_label": "number in the cell",
                    "caption": "Bonds lost and made against the relaxed interface; anions that only lithium surrounds, "
                    "as many as in the salt. First run.",
                    "curves": [{"label": name, "x": time, "y": values} for name, values in counts.items()],
                }
            )  # fmt: skip
    profile = output.get("profile")
    if profile:
        plots.append(
            {
                "key": f"composition-{number}", "title": f"Composition across {label}", "x_label": "position (Å)",
                "y_label": "share of the atoms", "caption": "Mean over the production of the first run.",
                "curves": [
                    {"label": element, "x": profile["z_A"], "y": share, "error": profile["error"][element]}
                    for element, share in profile["share"].items()
                ],
            }
        )  # fmt: skip
    stress = output.get("stress")
    if stress:
        state = "" if stress["balanced"] else " (not equilibrated)"
        curves = [
            ("σxx", "stress_xx_GPa", None), ("σyy", "stress_yy_GPa", None),
            ("σzz", "stress_zz_GPa", "stress_zz_error_GPa"),
            ("hydrostatic", "hydrostatic_GPa", "hydrostatic_error_GPa"), ("von Mises", "von_mises_GPa", None),
        ]  # fmt: skip
        plots.append(
            {
                "key": f"stress-{number}", "title": f"Stress across {label}{state}", "x_label": "position (Å)",
                "y_label": "stress (GPa), tension positive",
                "caption": "Mean over the production of the first run; in equilibrium σzz is the same in all layers.",
                "curves": [
                    {"label": name, "x": stress["position_A"], "y": stress[column]}
                    | ({"error": stress[error]} if error else {})
                    for name, column, error in curves
                ],
            }
        )  # fmt: skip
    return plots
