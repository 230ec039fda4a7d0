"""Text of models, benchmark files and file names is shown as text: no element, link, image or cell is born of it."""

import io
import logging
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
from rich.console import Console

from commands import tables, terminal
from models.payloads import Distances, JudgedEdit, Operations, Refinement, Refinements
from storage.dataset_reports import Row
from storage.datasets import dataset_entries
from storage.objects import ObjectStore
from tasks import ablation, figures, pages, report
from tasks.gallery import sample_page
from tasks.plots import plot_categories, plot_rounds
from tests.loop import cut_for, shard_of, stored, worker_for
from viper.escaping import for_markdown, visible
from viper.records import Ablation, AblationRow, Difference, SuiteResult, Synthesis, Verdict

NONE = Difference(points=0, low=0, high=0)
HOSTILE = [
    "a | b || c \\| d \\",
    "`code` ``two`` ```three",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</td></tr></table><b>",
    '" onload="x" \' ',
    "![x](http://evil.example/x.png)",
    "[x](javascript:alert(1))",
    "[x]: http://evil.example",
    "<http://evil.example> https://evil.example www.evil.example a@evil.example",
    "# heading\n## two\n---\n***\n===",
    "- list\n* list\n1. list\n> quote",
    "**bold** _em_ __strong__ ~~gone~~ *em*",
    "line\nline\n\nparagraph\r\nother\u2028last",
    "&lt;b&gt; &amp; &#60;script&#62;",
    "$x$ $$y$$ \\(z\\) :smile: {{ 7 * 7 }} {% raw %}",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J \x08\x08 \x7f",
    "\u202eright to left\u202c \u2066isolate\u2069 \u200f",
    "[bold]rich[/bold] [link=http://evil.example]x[/link] [/nothing]",
    "\ud800 half",
    "|---|---|\n| a | b |",
    "    indented code",
    "\ttab",
    "[^1] [ ] [x] ^up^",
]
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
    for module in (pages, ablation):
        monkeypatch.setattr(module, "create_markdown_artifact", lambda markdown, **_: shown.append(markdown))
    for name, count in (("caption_samples", 99), ("edit_samples", 99)):
        original = getattr(pages, name)
        monkeypatch.setattr(
            pages, name, lambda store, made, _, original=original, count=count: original(store, made, count)
        )
    worker, plots = worker_for(cut_for()), dict.fromkeys(pages.PLOTS, b"")
    report = worker.store.commit("results/report/x", "report", plots, {})

    def show(texts: Sequence[str]) -> list[Counter[str]]:
        shown.clear()
        pages.show_yields(worker.store, synthesis(texts))
        pages.show_gallery(worker.store, "evolution", synthesis(texts))
        pages.show_verdict(worker.store, 1, verdict(texts), report)
        rows = [
            AblationRow(
                variant=text, against=f"{text}2", against_base=NONE, difference=NONE, by_seed=(), suites={text: NONE}
            )
            for text in texts
        ]
        for row in rows:
            ablation.show_ablation("evolution", Ablation(seeds=(), rows=(row,)))
        return [kinds(markdown) for markdown in shown]

    found = show(TEXTS)
    assert found == show(PLAIN)
    assert found[1]["image"] == 4 * len(TEXTS)


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
    monkeypatch.setattr(report, "plot_rounds", lambda verdicts: "<svg></svg>")
    monkeypatch.setattr(report, "plot_categories", lambda verdicts: "<svg></svg>")

    def write(texts: Sequence[str]) -> tuple[Elements, str]:
        inputs = report.ReportInputs(
            evolution="evolution", round_number=1, made=synthesis(texts), verdicts=(verdict(texts),), confidence=0.95
        )
        made = report.write_report.compute(inputs, worker).entries
        return Elements(bytes(made["report.html"]).decode()), bytes(made["report.md"]).decode()

    (page, markdown), (plain, plain_markdown) = write(TEXTS), write(PLAIN)
    assert page.found == plain.found
    assert page.found["svg", ()] == 2
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


ACTING = "".join(chr(code) for code in (*range(9), *range(11, 32), *range(0x7F, 0xA0), 0x202E, 0x2066, 0x2028, 0xD800))


@pytest.mark.parametrize("text", [*HOSTILE, f"x{ACTING}y"])
def test_nothing_in_a_text_acts_on_the_terminal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say(text)
    shown = capsys.readouterr().out
    assert shown == f"{visible(text)}\n"
    assert not set(shown) & set(ACTING)
    shown.encode()


def test_text_that_does_not_act_stays_as_it_is() -> None:
    plain = "Ein Hund – «rot», 犬は赤い。 कुत्ता लाल है। می‌خواهم 👩‍👩‍👧 שלום\tx\ny"
    assert visible(plain) == plain
    assert (
        for_markdown("A 3.5 m dog - (brown), not black; 50% of it!") == "A 3.5 m dog - (brown), not black; 50% of it!"
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_tables_of_the_terminal_show_text_as_text(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(tables, "Console", lambda width=500: Console(file=file, width=width, color_system=None))
    table = tables.TextTable(text)
    table.add_column("name")
    table.add_row(text)
    tables.show_table(table, 500)
    assert visible(text).strip().splitlines()[0].expandtabs() in file.getvalue()
    assert not set(file.getvalue()) & set(ACTING)


def test_the_log_on_the_terminal_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("viper")
    before, propagate = list(log.handlers), log.propagate
    try:
        terminal.start()
        log.warning("%s is broken", "\x1b[2J\u202e")
    finally:
        log.handlers, log.propagate = before, propagate
    assert "\\x1b[2J\\u202e is broken" in capsys.readouterr().err


@pytest.mark.parametrize("text", HOSTILE)
def test_names_of_categories_are_names_that_mlflow_takes_and_stay_apart(text: str) -> None:
    from mlflow.utils.validation import _validate_metric_name

    names = {
        figures._metric_name(f"suite/{name}") for name in (text, f"{text} ", "红", "蓝", "..", "a/../b", "/a", "a//b")
    }
    assert len(names) == 8
    for name in names:
        _validate_metric_name(f"{name}/candidate")
    assert figures._metric_name("suite/fine-grained perception") == "suite/fine-grained perception"


def test_long_texts_are_cut_for_mlflow() -> None:
    from storage.tracking import MAX_VALUE, _value

    assert len(_value("x" * 9000)) == MAX_VALUE
    assert _value("\x1bx") == "\\x1bx"
    assert _value(17) == "17"
