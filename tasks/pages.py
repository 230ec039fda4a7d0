"""What people see of a round in the Prefect UI, and the tables that these pages and the report share."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from models.paired_tests import p_text
from storage.objects import ObjectStore
from tasks.artifacts import show_page
from tasks.gallery import Said, Sample, caption_samples, data_uri, edit_samples
from tasks.pool import rejections
from viper.escaping import for_markdown
from viper.records import ArtifactRef, Difference, SuiteResult, Synthesis, Verdict

PLOTS = ("rounds.svg", "categories.svg", "curves.svg")
"""Suites and categories over the rounds, and the round's learning curves; empty where there is nothing to draw."""

LEGEND = (
    "p is exact and two-sided (McNemar's test; a sign-flip test for graded scores and the mean), after Holm over the "
    "suites, and over all categories. An interval speaks of its figure alone: it leaves out 0 where p before Holm is "
    "certain. A true difference of the points under “shows above” gets a certain p after Holm with a probability of "
    "80 %; – stands where too few questions or answers tell. No answer: percent of the replies of base, champion and "
    "candidate in which none could be read; they count as wrong. It was asked with pictures of that many pixels, of "
    "which a photograph of 12 megapixels costs that many tokens, and replies of at most that many."
)
"""Under every benchmark table."""

log = logging.getLogger("viper")


def yields(store: ObjectStore, made: Synthesis) -> dict[str, dict[str, int]]:
    """Counts by reason: of images (``pool``), critiques (``csr``) and edits (``vop``), over all shards.

    ``text`` counts what the text encoders of painter and editor do not take, if there is any.
    """
    taken = [store.manifest(shard.pool).meta for shard in made.shards]
    pool = Counter(rejections(taken).values())
    pool["taken"] = sum(int(str(one["images"])) for one in taken)
    counts = {"pool": pool}
    for lesson, product in (("csr", "refinements"), ("vop", "operations")):
        counts[lesson] = Counter[str]()
        for part in made.products[product]:
            found = store.manifest(part).meta["reasons"]
            if isinstance(found, dict):
                counts[lesson].update({reason: int(str(count)) for reason, count in found.items()})
    counts["text"] = shortened_texts(store, made)
    return {lesson: dict(counter.most_common()) for lesson, counter in counts.items()}


def shortened_texts(store: ObjectStore, made: Synthesis) -> Counter[str]:
    """How many captions and operations were shortened for painter and editor, and by how many sentences."""
    counts = Counter[str]()
    for product, what in (("paintings", "captions"), ("judgements", "refined captions"), ("edits", "operations")):
        for part in made.products.get(product, ()):
            meta = store.manifest(part).meta
            counts[f"{what} shortened"] += int(str(meta.get("shortened", 0)))
            counts[f"sentences left out of {what}"] += int(str(meta.get("sentences_left_out", 0)))
    return +counts


def yield_rows(counts: Mapping[str, Mapping[str, int]]) -> list[tuple[str, str, int, str]]:
    """Of what, reason, count and share in percent of all of its kind. Texts are counted in several ways: no share."""
    rows = []
    for of, reasons in counts.items():
        total = 0 if of == "text" else sum(reasons.values())
        rows += [(of, why, n, f"{100 * n / total:.1f} %" if total else "") for why, n in reasons.items()]
    return rows


def show_yields(store: ObjectStore, evolution: str, made: Synthesis) -> None:
    """Tables of yields by reason in the Prefect UI, one of each kind: narrow enough for a phone."""
    lines: list[str] = []
    kind = ""
    for of, why, count, share in yield_rows(yields(store, made)):
        if of != kind:
            lines += ["", f"### {of}", "", "| reason | count | share |", "|---|---:|---:|"]
            kind = of
        lines.append(f"| {for_markdown(why)} | {count} | {share} |")
    show_page(evolution, "yields", "\n".join(lines), "What the self-critique filter kept, and why not")


def show_gallery(store: ObjectStore, evolution: str, made: Synthesis) -> None:
    """A gallery of the first shard in the Prefect UI."""
    samples = [*caption_samples(store, made, 6), *edit_samples(store, made, 4)]
    text = "\n\n---\n\n".join(map(_sample_text, samples))
    show_page(evolution, "gallery", text, f"Originals, paintings and edits of {evolution}")


def _sample_text(sample: Sample) -> str:
    """Texts in paragraphs and lists, which wrap on a narrow page: cells of a table do not."""
    pictures = f"| ![original]({sample.left}) | ![{sample.made}]({sample.right}) |"
    lines = [f"| original | {sample.made} |", "|---|---|", pictures, "", f"**{for_markdown(sample.decision)}**", ""]
    lines += [f"Caption: {for_markdown(sample.text)}", ""] if sample.text else []
    return "\n".join([*lines, *map(_said, sample.sentences)])


def _said(said: Said) -> str:
    return f"- {said.mark} {for_markdown(said.text)}" + (f" ({for_markdown(said.why)})" if said.why else "")


def gain_table(verdict: Verdict) -> str:
    """What the candidate gained on each suite, and the points of all three; a line where nothing was asked.

    Intervals leave no room for p beside them on a phone.
    """
    if not verdict.rows:
        return "The round ended before the benchmarks."
    gains = [(row.suite.replace("_", " "), row) for row in verdict.rows]
    parts = [
        _suite_table("gain", [(name, [gain_text(row.against_champion)]) for name, row in gains]),
        _suite_table("p", [(name, [adjusted_p(row.against_champion)]) for name, row in gains]),
        "### Points of base, champion and candidate",
        _suite_table("points", [(name, [" / ".join(_points(row))]) for name, row in gains]),
    ]
    return "\n\n".join(parts)


def gain_text(difference: Difference) -> str:
    """Points with their interval."""
    return f"{difference.points:+.1f} [{difference.low:+.1f}, {difference.high:+.1f}]"


def benchmark_table(verdict: Verdict) -> str:
    """The benchmark table as Markdown, categories below their suites; a line where nothing was asked."""
    if not verdict.rows:
        return "The round ended before the benchmarks."
    lines = [
        "| suite | questions | base | champion | candidate | against base | p | against champion | p | shows above "
        "| no answer | asked with |",
        f"|---|{'---:|' * 10}---|",
    ]
    for row in verdict.rows:
        lines.append(_table_row(row.suite, row))
        lines += [_table_row(f"↳ {part.suite}", part) for part in row.categories]
    return "\n".join([*lines, "", LEGEND])


def figure_tables(verdict: Verdict) -> str:
    """The figures of the benchmark table in tables as narrow as a phone; a line where nothing was asked."""
    if not verdict.rows:
        return "The round ended before the benchmarks."
    tables: list[tuple[str, str, Callable[[SuiteResult], Sequence[str]]]] = [
        ("Points of base, champion and candidate", "points", lambda row: [" / ".join(_points(row))]),
        ("Against the base", "gain", lambda row: [gain_text(row.against_base)]),
        ("Against the champion", "gain", lambda row: [gain_text(row.against_champion)]),
        ("p", "base | champion", lambda row: [adjusted_p(row.against_base), adjusted_p(row.against_champion)]),
        ("Questions", "questions", lambda row: [str(row.questions)]),
        ("Differences that would show", "shows above", lambda row: [power_text(row.against_champion)]),
        ("Replies without an answer", "no answer", lambda row: [unanswered_text(row)]),
    ]
    asked = [f"- {for_markdown(row.suite.replace('_', ' '))}: {row.asked}" for row in verdict.rows if row.asked]
    shown = [_narrow(verdict, *table) for table in tables]
    return "\n\n".join([*shown, *(["### Asked with\n\n" + "\n".join(asked)] if asked else []), LEGEND])


def _narrow(verdict: Verdict, title: str, head: str, cells: Callable[[SuiteResult], Sequence[str]]) -> str:
    """A few columns of all suites and their categories; a row that has nothing to say in them is left out."""
    rows = [
        (name, cells(one))
        for row in verdict.rows
        for name, one in [(row.suite.replace("_", " "), row), *((f"↳ {part.suite}", part) for part in row.categories)]
    ]
    return f"### {title}\n\n{_suite_table(head, [(name, found) for name, found in rows if any(found)])}"


def _suite_table(head: str, rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """A table of suites whose columns after the first are named by ``head``."""
    lines = [f"| suite | {head} |", f"|---|{'---:|' * len(head.split('|'))}"]
    return "\n".join([*lines, *(_line(name, cells) for name, cells in rows)])


def _line(name: str, cells: Sequence[str]) -> str:
    return f"| {for_markdown(name)} | {' | '.join(cells)} |"


def _points(row: SuiteResult) -> list[str]:
    return [f"{points:.1f}" for points in (row.base, row.champion, row.candidate)]


def _compared(found: Difference) -> list[str]:
    return [gain_text(found), adjusted_p(found)]


def _table_row(name: str, row: SuiteResult) -> str:
    cells = [str(row.questions), *_points(row)]
    cells += [*_compared(row.against_base), *_compared(row.against_champion), power_text(row.against_champion)]
    return _line(name, [*cells, unanswered_text(row), row.asked])


def adjusted_p(found: Difference) -> str:
    """The adjusted p of a difference, empty where there is none."""
    return p_text(found.test.p_adjusted) if found.test else ""


def power_text(found: Difference) -> str:
    """The points above which differences can be shown; a dash where too little was observed to know."""
    points = found.test.detectable_points if found.test else None
    return "–" if points is None else f"{points:.1f}"


def unanswered_text(row: SuiteResult) -> str:
    """Percent of the replies of base, champion and candidate without an answer, empty where that is unknown."""
    return " / ".join(f"{percent:.1f}" for percent in row.unanswered.model_dump().values()) if row.unanswered else ""


def show_verdict(store: ObjectStore, evolution: str, round_number: int, verdict: Verdict, report: ArtifactRef) -> None:
    """The benchmark table, the verdict and the report's plots over the rounds, in the Prefect UI."""
    text = f"**{verdict.decision}**: {for_markdown(verdict.reason)}\n\n{gain_table(verdict)}"
    pictures = "".join(
        f"\n\n![{name.removesuffix('.svg')}]({plot})" for name, plot in drawn_plots(store, report).items()
    )
    whole = f"\n\nAll figures:\n\n{figure_tables(verdict)}" if verdict.rows else ""
    show_page(evolution, "verdict", text + pictures + whole, f"Benchmarks and verdict of round {round_number}")
    log.info("Round %d: %s. %s", round_number, verdict.decision, verdict.reason)


def drawn_plots(store: ObjectStore, report: ArtifactRef) -> dict[str, str]:
    """The plots of a report as ``data:`` URIs by name; those in which nothing is drawn are left out."""
    found = {name: store.read(report, name) for name in PLOTS if name in store.manifest(report).entries}
    return {name: data_uri(plot, "image/svg+xml") for name, plot in found.items() if plot}
