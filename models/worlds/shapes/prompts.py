"""What is said in the embedded world."""

from models.prompts import Prompts, Wording

PROMPTS = Prompts(
    caption="describe the image.",
    critique="caption: {caption} compare the first picture and the second. what must be corrected?",
    rewrite="",
    refine="caption: {caption} what must be corrected?",
    operations="",
    predict="what was changed from the first picture to the second?",
    happened="",
    wording=Wording(
        multiple_choice="{question} choose {options}.",
        option="{text}",
        option_separator=" or ",
        question="{question}",
    ),
)
"""Every word is in its vocabulary. Rules write refined captions and operations, and ask whether these happened."""
