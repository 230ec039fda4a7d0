"""Text of models, benchmark files and file names is shown as text: no element, link, image or cell is born of it."""

import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from PIL import Image
from pydantic import JsonValue

from models.ablation import Ablation, AblationRow, Arm
from models.payloads import Distances, JudgedEdit, Operations, Refinement, Refinements
from storage.dataset_reports import Row
from storage.datasets import dataset_entries
from storage.objects import ObjectStore
from tasks import ablation, overview, pages, report
from tasks.changes import Before
from tasks.gallery import sample_page
from tasks.plots import plot_categories, plot_rounds
from tests.hostile import HOSTILE
from tests.loop import cut_for, shard_of, stored, worker_for
from viper.escaping import for_markdown, visible
from viper.records import ArtifactRef, Difference, ModelRef, RoundResult, SuiteResult, Synthesis, Verdict

NONE = Difference(points=0, low=0, high=0)
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def inline(markdown: str) -> list[Token]:
    return [child for token in PARSER.parse(markdown) for child in (token.children or [])]


def kinds(markdown: str) -> Counter[str]:
    """What a text of Markdown makes, words left aside."""
    found = Counter(token.type for token in PARSER.parse(markdown))
    return found + Counter(child.type for child in inline(markdown) if child.type not in ("text", "text_special"))


def words(text: str) -> str:
    return " ".join(visible(text).split())


@pytest.mark.parametrize("text", HOSTILE)
def test_escaped_text_is_words_alone_in_a_paragraph_and_in_a_cell(text: str) -> None:
    escaped = for_markdown(text)
    assert "".join(token.content for token in inline(escaped)) == words(text)
    assert kinds(escaped) == kinds("words")
    table = "| a | b |\n|---|---|\n| {} | end |"
    assert kinds(table.format(escaped)) == kinds(table.format("words"))


@given(st.text(alphabet="\\`*_{}[]<>()#+-.!|~&$^:@='\" \n\t\x1b\u202eab1", max_size=30))
def test_any_text_is_words_alone(text: str) -> None:
    escaped = for_markdown(text)
    assert kinds(f"| {escaped} | end |\n|---|---|\n| {escaped} | end |") == kinds("| a | end |\n|---|---|\n| a | end |")
    assert "".join(token.content for token in inline(f"x {escaped}")) == f"x {words(text)}".strip()


PICTURE = Image.new("RGB", (8, 8), "red")


def synthesis(texts: Sequence[str]) -> Synthesis:
    """A round's synthesis with a caption and an edit a text, in which every word is the text."""
    names = [f"image-{number}" for number in range(len(texts))]
    refinements = {
        name: Refinement(
            caption=text, refinements=text, refined=text, kept=True, reason=text, gain=0.1, first_distance=0.1
        )
        for name, text in zip(names, texts, strict=True)
    }
    edits = {
        f"{name}/0": JudgedEdit(
            image=name, sentences=(text,), regions=None, kinds=("free",), changes=(0.1,) * 9, kept=True, reason=text
        )
        for name, text in zip(names, texts, strict=True)
    }
    facts: dict[str, JsonValue] = {"reasons": dict.fromkeys(texts, 1)}
    pictures = dict.fromkeys(names, PICTURE)
    return Synthesis(
        datasets={},
        shards=(shard_of(pictures),),
        products={
            "refinements": (stored("refinements", Refinements(refinements), facts=facts),),
            "paintings": (stored("paintings", Distances({}), pictures=pictures),),
            "operations": (stored("operations", Operations(edits), facts=facts),),
            "edits": (stored("edits", pictures=dict.fromkeys(edits, PICTURE)),),
        },
        seconds=(),
    )


ITEMS = ("list_item_open", "list_item_close", "paragraph_open", "paragraph_close", "inline")


def result(text: str, judged: Verdict, report: ArtifactRef) -> RoundResult:
    """Of a round whose champion is named by a text."""
    model = ModelRef(name=text, fingerprint="f")
    return RoundResult(
        evolution="evolution",
        round_number=1,
        settings_sha256="s",
        base=model,
        champion_before=model,
        candidate=model,
        champion_after=model,
        datasets={},
        report=report,
        verdict=judged,
        seconds=(),
    )


def verdict(texts: Sequence[str]) -> Verdict:
    def result(name: str, *categories: SuiteResult) -> SuiteResult:
        scores = {"questions": 1, "base": 1, "champion": 1, "candidate": 1}
        return SuiteResult(
            suite=name, **scores, against_base=NONE, against_champion=NONE, categories=categories
        )  # fmt: skip

    suites = (result("suite", *(result(text) for text in texts)),)
    return Verdict(decision="promote", reason=texts[0], suites=suites, mean=result("mean"))


TEXTS = [text for text in HOSTILE if "\ud800" not in text]
"""What a payload can hold: JSON in UTF-8 has no half characters."""
PLAIN = [f"words {number}" for number in range(len(TEXTS))]


def test_pages_of_prefect_show_text_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(
        "prefect.artifacts.create_markdown_artifact",
        lambda markdown, description, **_: shown.append(f"{markdown}\n\n{description}"),
    )
    for name, count in (("caption_samples", 99), ("edit_samples", 99)):
        original = getattr(pages, name)
        monkeypatch.setattr(
            pages, name, lambda store, made, _, original=original, count=count: original(store, made, count)
        )
    worker, plots = worker_for(cut_for()), dict.fromkeys(pages.PLOTS, b"")
    report = worker.store.commit("results/report/x", "report", plots, {})

    def show(texts: Sequence[str]) -> list[Counter[str]]:
        shown.clear()
        pages.show_yields(worker.store, "evolution", synthesis(texts))
        pages.show_gallery(worker.store, "evolution", synthesis(texts))
        pages.show_verdict(worker.store, "evolution", 1, verdict(texts), report)
        results = [result(text, verdict([text]), report) for text in texts]
        shown.append(overview.evolution_text(worker.store, results, {1: {"report": "http://host/report"}}))
        rows = [
            AblationRow(
                name=text,
                arm=Arm(variant=text, critiques="usual", against=f"{text}2"),
                against_base=NONE,
                difference=NONE,
                by_seed=(),
                suites={text: NONE},
            )
            for text in texts
        ]
        for row in rows:
            ablation.show_ablation("evolution", Ablation(seeds=(), rows=(row,)))
        return [kinds(markdown) for markdown in shown]

    found, plain = show(TEXTS), show(PLAIN)
    # A refinement is told sentence by sentence: of a text with several, there are several items of a list.
    for kind in ITEMS:
        del found[1][kind], plain[1][kind]
    assert found == plain
    assert found[1]["image"] == 4 * len(TEXTS)
    assert found[3]["link_open"] == len(TEXTS) + 1  # of MLflow's pages, none of others


class Elements(HTMLParser):
    """Counts elements with their attributes' names, and keeps the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag, tuple(name for name, _ in attrs)] += 1

    def handle_comment(self, data: str) -> None:
        self.found["comment", ()] += 1

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_report_shows_text_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = worker_for(cut_for())
    for name in ("caption_samples", "edit_samples"):
        original = getattr(report, name)
        monkeypatch.setattr(report, name, lambda store, made, _, original=original: original(store, made, 99))
    for plot in ("plot_rounds", "plot_categories", "plot_curves"):
        monkeypatch.setattr(report, plot, lambda _: "<svg></svg>")

    def write(texts: Sequence[str]) -> tuple[Elements, str]:
        inputs = report.ReportInputs(
            evolution="evolution",
            round_number=2,
            made=synthesis(texts),
            verdicts=(verdict(texts), verdict(texts)),
            confidence=0.95,
            trainings={},
            seconds=tuple((text, 1.0) for text in texts),
            before=Before(settings=tuple((text, text, text) for text in texts), datasets={}),
        )
        made = report.write_report.compute(inputs, worker).entries
        return Elements(bytes(made["report.html"]).decode()), bytes(made["report.md"]).decode()

    (page, markdown), (plain, plain_markdown) = write(TEXTS), write(PLAIN)
    for found in (page.found, plain.found):
        del found["li", ()], found["span", ("class",)]  # one a sentence
    assert page.found == plain.found
    assert page.found["svg", ()] == 3
    for text in TEXTS:
        assert visible(text) in page.text
    assert not any(mark in page.text for mark in "\x1b\x9b\u202e\u2066")
    assert kinds(markdown) == kinds(plain_markdown)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_page_of_samples_shows_text_as_text(text: str) -> None:
    def page(said: str) -> Elements:
        return Elements(sample_page(said, [(Row(said, said, (said,), {}, ()), [b"png"])]))

    assert page(text).found == page("words").found
    assert visible(text) in page(text).text
    page(text).text.encode()


@pytest.mark.parametrize("start", range(0, len(HOSTILE), 4))
def test_plots_show_text_as_text(start: int) -> None:
    texts = HOSTILE[start : start + 4]
    drawn = ElementTree.fromstring(plot_categories([verdict(texts)]))
    tags = Counter(element.tag.rpartition("}")[2] for element in drawn.iter())
    assert tags["script"] == tags["a"] == tags["image"] == 0
    said = " ".join("".join(drawn.itertext()).split())
    for text in texts:
        assert words(visible(text).replace("_", " "))[:39] in said


def test_a_plot_shows_dollars_as_dollars() -> None:
    suite = verdict(PLAIN[:1]).suites[0].model_copy(update={"suite": "$x$"})
    drawn = plot_rounds([Verdict(decision="promote", reason="", suites=(suite,), mean=suite)])
    assert "$x$ 1.0" in "".join(ElementTree.fromstring(drawn).itertext())


@pytest.mark.parametrize("text", HOSTILE)
def test_a_dataset_card_shows_text_as_text(text: str, tmp_path: Any) -> None:
    def card(said: str) -> str:
        row = {"id": "one", "images": [], "prompt": said, "truth": [said], "meta": "{}"}
        entries, _ = dataset_entries(ObjectStore(str(tmp_path)), tmp_path, [row], {"model": said}, 1)
        return bytes(entries["README.md"]).decode()

    if "\ud800" not in text:
        assert kinds(card(text)) == kinds(card("words"))
