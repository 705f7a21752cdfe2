"""Settings of a voice activity detector against each other: how long a customer waits, and how often one is cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contoso_lab.report.figure import Drawing, drawing, plain
from contoso_lab.report.palette import LIGHT

if TYPE_CHECKING:
    from contoso_lab.replay.vad import VadSweep


def vad_plot(sweep: VadSweep) -> Drawing:
    """A point per setting; a line joins those that no other setting beats, and the note says what this is.

    Args:
        sweep: what `vad_sweep` gave.
    """
    frame = sweep.frame
    figure = drawing(7.0, 4.6)
    axes = figure.subplots()
    plain(axes)
    share = 100 * frame["clipped"] / frame["turns"]
    best = frame["best"]
    sizes = 30 + 25 * frame["false_barge_ins"]
    axes.scatter(frame["wait_ms"], share, s=sizes, color=LIGHT["quiet"], alpha=0.5, linewidths=0)
    # A setting that finds no turn at all has no wait, and no place in the picture.
    front = frame[best].dropna(subset=["wait_ms"]).sort_values(["wait_ms", "clipped"])
    axes.plot(front["wait_ms"], 100 * front["clipped"] / front["turns"], color=LIGHT["ink"], linewidth=1.2)
    axes.scatter(frame["wait_ms"][best], share[best], s=sizes[best], color=LIGHT["ink"], linewidths=0)
    told: set[tuple[float, float]] = set()
    for row in front.to_dict("records"):
        place = (round(row["wait_ms"]), round(100 * row["clipped"] / row["turns"]))
        if place not in told:  # settings that do the same would write over each other
            told.add(place)
            axes.annotate(
                f"{row['silence_ms']} ms, {row['threshold']:g}", (row['wait_ms'], 100 * row['clipped'] / row['turns']),
                textcoords="offset points", xytext=(6, 5), fontsize=8, color=LIGHT["ink"],
            )  # fmt: skip
    axes.set_xlabel("median wait from the end of speech until the turn is over, ms", color=LIGHT["quiet"], fontsize=9)
    axes.set_ylabel("turns clipped or missed, %", color=LIGHT["quiet"], fontsize=9)
    axes.set_ylim(bottom=-2)
    axes.set_title(
        "silence and threshold of the best settings; larger dots: more false barge-ins", fontsize=10, loc="left"
    )
    figure.supxlabel(sweep.note, fontsize=7, color=LIGHT["quiet"], wrap=True)
    return figure
