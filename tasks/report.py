"""The round's report: one self-contained page with pictures, the tables as text, and plots over the rounds."""

from tasks.gallery import caption_samples, edit_samples
from tasks.pages import PLOTS, benchmark_table, p_text, power_text, unanswered_text, yields
from tasks.plots import plot_categories, plot_rounds
from tasks.step import Inputs, Made, step
from tasks.versioning import dataset_size
from tasks.worker import Worker
from viper.records import Synthesis, Verdict

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

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"write report of round {self.round_number}"


@step("report", 6)
def write_report(inputs: ReportInputs, worker: Worker) -> Made:
    """``report.html``, one self-contained page with pictures; ``report.md``; and ``PLOTS``."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    store, made, verdict = worker.store, inputs.made, inputs.verdicts[-1]
    templates = Environment(loader=PackageLoader("tasks"), autoescape=True, undefined=StrictUndefined)
    templates.filters |= {"p": p_text, "power": power_text, "unanswered": unanswered_text}
    plots = (plot_rounds(inputs.verdicts), plot_categories(inputs.verdicts))
    html = templates.get_template("report.html.j2").render(
        evolution=inputs.evolution,
        round_number=inputs.round_number,
        verdict=verdict,
        color=_COLORS[verdict.decision],
        confidence=f"{inputs.confidence:.0%}",
        rows=verdict.rows,
        plots=plots,
        yields=yields(store, made),
        captions=caption_samples(store, made, 12),
        edits=edit_samples(store, made, 8),
        datasets={lesson: (dataset_size(store, ref), ref.uri) for lesson, ref in made.datasets.items()},
    )
    text = f"{verdict.decision}: {verdict.reason}\n\n{benchmark_table(verdict)}\n"
    drawn = {name: plot.encode() for name, plot in zip(PLOTS, plots, strict=True)}
    return Made({"report.html": html.encode(), "report.md": text.encode(), **drawn})
