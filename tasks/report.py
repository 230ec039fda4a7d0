"""The round's report: one self-contained page with pictures, the tables as text, and plots over the rounds."""

from tasks.against_truth import HEAD, measure, truth_rows
from tasks.changes import Before, dataset_rows, score_rows
from tasks.costs import work_done
from tasks.curves import ends_text, plot_curves, read_curves
from tasks.gallery import caption_samples, edit_samples
from tasks.html import render
from tasks.pages import LEGEND, PLOTS, adjusted_p, benchmark_table, power_text, unanswered_text, yield_rows, yields
from tasks.plots import plot_categories, plot_rounds
from tasks.step import Inputs, Made, step
from tasks.versioning import dataset_size
from tasks.worker import Worker
from viper.escaping import for_markdown
from viper.records import ArtifactRef, Synthesis, Verdict

_COLORS = {"promote": "#e2f5e7", "keep champion": "#fdf3d7", "collapse": "#fde4e1"}


class ReportInputs(Inputs):
    """What decides a round's report."""

    evolution: str
    round_number: int
    made: Synthesis
    verdicts: tuple[Verdict, ...]
    """Of all rounds up to this one."""
    confidence: float
    """Level of the intervals, in (0, 1)."""
    trainings: dict[str, ArtifactRef]
    """What each stage's training left."""
    seconds: tuple[tuple[str, float], ...]
    """Wall time of each step in order, in the run that finished the round."""
    before: Before | None
    """What the round is compared with; ``None`` for the first one."""
    observed: str = ""
    """The world that knows what the pool's pictures show; empty where nobody does."""

    def identity(self) -> object:
        """Everything but the time that it took."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != "seconds"}

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"write report of round {self.round_number}"


@step("report", 8)
def write_report(inputs: ReportInputs, worker: Worker) -> Made:
    """``report.html``, one self-contained page with pictures; ``report.md``; and ``PLOTS``."""
    store, made, verdict = worker.store, inputs.made, inputs.verdicts[-1]
    curves, before = read_curves(store, inputs.trainings), inputs.before
    plots = (plot_rounds(inputs.verdicts), plot_categories(inputs.verdicts), plot_curves(curves))
    html = render(
        "report.html.j2",
        {"p": adjusted_p, "power": power_text, "unanswered": unanswered_text},
        evolution=inputs.evolution,
        round_number=inputs.round_number,
        verdict=verdict,
        color=_COLORS[verdict.decision],
        confidence=f"{inputs.confidence:.0%}",
        legend=LEGEND,
        rows=verdict.rows,
        plots=plots,
        curves={stage: ends_text(steps) for stage, steps in curves.items()},
        before=before,
        changed={
            "settings": before.settings,
            "dataset versions": dataset_rows(store, before.datasets, made.datasets),
            "scores of the candidate": score_rows(inputs.verdicts),
        }
        if before
        else {},
        seconds=inputs.seconds,
        work=work_done(store, made, inputs.trainings, verdict),
        yields=yield_rows(yields(store, made)),
        truth_head=HEAD,
        truth=truth_rows(measure(store, inputs.observed, made)) if inputs.observed else [],
        captions=caption_samples(store, made, 12),
        edits=edit_samples(store, made, 8),
        datasets={lesson: (dataset_size(store, ref), ref.uri) for lesson, ref in made.datasets.items()},
    )
    text = f"{verdict.decision}: {for_markdown(verdict.reason)}\n\n{benchmark_table(verdict)}\n"
    drawn = {name: plot.encode() for name, plot in zip(PLOTS, plots, strict=True)}
    return Made({"report.html": html.encode(), "report.md": text.encode(), **drawn})
