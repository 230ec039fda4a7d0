"""How often a rewritten caption is wrongly refused or taken, measured where the right one is known."""

import numpy as np
from PIL import Image

from models.nothing import says_nothing
from models.prompt_reader import Prompt
from models.rewriting import NOT_KEPT, read_rewrite
from models.sentences import join_sentences, split_sentences
from models.tries import Unusable
from models.vlm import load_vlm
from models.worlds import find_world
from models.worlds.shapes.scene import render, sample_scene
from viper.profiles import load_profile

PICTURES = 100
MIN_NOTICED = 0.8
"""Share of lost sentences: another one may hold most of the same few words."""
ADDED = "Two brown dogs sleep under an old tree."


def test_right_rewrites_are_taken_and_most_that_lost_a_sentence_refused() -> None:
    world, rng = find_world("shapes"), np.random.default_rng(5)
    pictures = [render(sample_scene(rng), rng) for _ in range(PICTURES)]
    captions = load_vlm(load_profile("shapes").models.vlm).generate(
        [Prompt(world.prompts.caption, (Image.fromarray(picture),)) for picture in pictures],
        max_new_tokens=80,
        batch=PICTURES,
    )
    right = lost = noticed = 0
    for picture, caption in zip(pictures, captions, strict=True):
        corrections, rewritten = world.truth(picture, caption, rng)
        if says_nothing(corrections):
            continue
        right += 1
        assert read_rewrite(caption, corrections, rewritten) == rewritten
        sentences = split_sentences(rewritten)
        assert read_rewrite(caption, corrections, join_sentences([*sentences, ADDED])) == Unusable(NOT_KEPT)
        for at, sentence in enumerate(sentences):
            if len(sentences) > 1 and sentence in split_sentences(caption):
                lost += 1
                without = join_sentences(sentences[:at] + sentences[at + 1 :])
                noticed += read_rewrite(caption, corrections, without) == Unusable(NOT_KEPT)
    print(f"{right} right rewrites taken; {noticed} of {lost} that lost a sentence refused")
    assert right > PICTURES / 2
    assert noticed >= MIN_NOTICED * lost
