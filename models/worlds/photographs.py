"""Photographs, and general models such as Qwen2.5-VL."""

from models.prompts import Prompts, Wording
from models.suites.catalog import SUITES
from models.worlds.world import World

PROMPTS = Prompts(
    caption=(
        "Describe this image in detail. State every object, its attributes (color, material, size, number), any text "
        "in the image word for word, and the spatial relations between objects. Describe only what is visible; leave "
        "out guesses, feelings and motion. Write plain sentences, one fact in each, and nothing else. Of another "
        "image, that would be:\n"
        'A brown dog sits on a wooden bench. A red ball lies left of the dog. A sign above the bench reads "PARK".'
    ),
    critique=(
        "The first image is the original. The second image was painted from this caption:\n{caption}\n\n"
        "Compare the two images. Wherever they differ, the caption misses something or is wrong. Write the corrections "
        "that the caption needs in order to describe the first image: attributes, text, and spatial relations. "
        "One short sentence for each correction, one a line, and nothing else. Of another image, that would be:\n"
        "The ball left of the dog is green, not red.\nA white cup stands on the bench.\n\n"
        "If nothing must be corrected, write exactly: Nothing to correct."
    ),
    rewrite=(
        "Rewrite a caption so that it follows every correction. Copy every sentence that no correction speaks of as it "
        "is, and add nothing else. Write the new caption only.\n\n"
        "Caption:\nA brown dog sits on a bench. A red ball lies left of the dog. Grass grows behind the bench.\n"
        "Corrections:\nThe ball is green, not red. A white cup stands on the bench.\n"
        "New caption:\nA brown dog sits on a bench. A white cup stands on the bench. A green ball lies left of the "
        "dog. Grass grows behind the bench.\n\n"
        "Caption:\n{caption}\nCorrections:\n{corrections}\nNew caption:"
    ),
    refine=(
        "Here is a first caption of this image:\n{caption}\n\nLook at the image again and find what the caption misses "
        "or gets wrong: attributes, text, and spatial relations. One short sentence for each correction, and nothing "
        "else. If nothing must be corrected, write exactly: Nothing to correct."
    ),
    operations=(
        "Caption of this image:\n{caption}\n\nPick up to three entities that are hard to see correctly: small ones, "
        "ones with an unusual attribute, ones that are easily confused with something near. For each write one edit of "
        "the image that changes only this entity: recolor, resize, replace, remove, add, move, or change its text. "
        "Write each edit as one imperative sentence that names the entity, where it is, and the exact change. "
        "Write the sentences only, one a line. Of another image, that would be:\n"
        "Recolor the small ball left of the dog from red to yellow.\nRemove the cup on the bench."
    ),
    predict=(
        "The second image is an edited version of the first. Name every edit. Write one imperative sentence for each "
        "that names the entity, where it is, and the exact change, and nothing else."
    ),
    happened=(
        "The second image is an edited version of the first. One of the edits that were asked for is:\n{operation}\n\n"
        "Look in both images at what this edit speaks of. Was it carried out, exactly as it says? Other changes do not "
        "matter. Answer yes or no, and write nothing else."
    ),
    wording=Wording(
        multiple_choice=(
            "Question: {question}\nOptions:\n{options}\nPlease select the correct answer from the options above."
        ),
        option="{letter}. {text}",
        option_separator="\n",
        question="{question}",
    ),
)
"""For photographs and general models such as Qwen2.5-VL. Benchmark wording follows VLMEvalKit."""


class Photographs(World):
    """Pictures of the world that people live in. Captions are rewritten, and operations written, by the VLM."""

    name = "photographs"
    prompts = PROMPTS
    suites = SUITES
