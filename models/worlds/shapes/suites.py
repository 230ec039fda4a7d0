"""Writes the embedded world's benchmark suites in VLMEvalKit's TSV form, from seeds that no training uses."""

import base64
import csv
import io
import json

import numpy as np

from models.suites.suite import Suite
from models.worlds.shapes.examples import draw_pictures_of
from models.worlds.shapes.grammar import say_caption
from models.worlds.shapes.pool import png
from models.worlds.shapes.questions import SUITE_QUESTIONS
from models.worlds.shapes.scene import render, sample_scene
from models.worlds.shapes.scoring import CaptionFidelity, ShapeSuite

QUESTIONS = {"fine_perception": 2000}
DEFAULT_QUESTIONS = 1000
PICTURES = {"multi_image": 2}
SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        *(ShapeSuite(name, QUESTIONS.get(name, DEFAULT_QUESTIONS), PICTURES.get(name, 1)) for name in SUITE_QUESTIONS),
        CaptionFidelity(),
    )
}
"""The suites by name. Their order counts: a suite's place decides the questions that are drawn for it."""
SETS = {"shapes:": 9_000_001, "shapes:held-out": 9_500_003}
"""Seeds of two sets of questions by the address that ``benchmarks.folder`` gives them. Settings were tuned on the
first; the second is for reports alone."""


def write_suite(suite: str, limit: int = 0, address: str = "shapes:") -> bytes:
    """The TSV file of a suite: 2,000 questions of fine perception, 1,000 of each other, or ``limit``.

    The questions of an address of ``SETS`` are the same on every machine and in every round.
    """
    count = QUESTIONS.get(suite, DEFAULT_QUESTIONS)
    count = min(count, limit) if limit else count
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(["index", "image", "question", "A", "B", "C", "D", "answer", "category"])
    for number in range(count):
        rng = np.random.default_rng([SETS[address], list(SUITES).index(suite), number])
        writer.writerow([number, *_row(suite, rng)])
    return text.getvalue().encode()


def _row(suite: str, rng: np.random.Generator) -> list[str]:
    if suite == "caption_fidelity":
        scene = sample_scene(rng)
        picture = _encode([png(render(scene, rng))])
        return [picture, "describe the image.", "", "", "", "", say_caption(scene, rng), f"{len(scene.things)} objects"]
    question = SUITE_QUESTIONS[suite](rng)
    pictures = _encode([png(image) for image in draw_pictures_of(question, rng)])
    letters = dict(zip("ABCD", question.options, strict=False))
    answer = next((letter for letter, text in letters.items() if text == question.answer), question.answer)
    return [pictures, question.text, *(letters.get(letter, "") for letter in "ABCD"), answer, question.category]


def _encode(pictures: list[bytes]) -> str:
    encoded = [base64.b64encode(picture).decode() for picture in pictures]
    return encoded[0] if len(encoded) == 1 else json.dumps(encoded)
