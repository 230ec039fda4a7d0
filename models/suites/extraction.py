r"""What a reply says: the option it chooses, yes or no, or a short answer. By rule, without a judge, never by chance.

The rules are VLMEvalKit's for exact matching. They depart from it in these points, each for a reason:

- Reasoning in tags is no answer, and a final ``\boxed{}`` is one: trained models write both.
- "The answer is" announces a capital letter that stands alone (VLMEvalKit takes the a of "the answer is a ring", too),
  and two announcements of different letters announce none.
- A letter counts among the first words too, not only among the last four: "B. The ring is green because it …".
- The article in "A green ring" is not option A.
- An option text must stand as whole words ("greenish" is not "green"), and the longer one of two that contain each
  other counts ("top left" over "left").
- Marks and scripts without spaces around a letter ("$B$", "答案是B") or around yes and no ("**Yes**:") do not hide it.
"""

import re

LETTERS = "ABCDEFGH"
_FIRST, _LAST = 5, 4
"""A letter counts among this many first words ("The correct answer is B") and, as in VLMEvalKit, last words."""
_MAX_TEXT_SHARE = 2
"""As in VLMEvalKit: a reply longer than twice all option texts together is a discussion, not an option's text."""

_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL | re.IGNORECASE)
_BEFORE_LAST_THOUGHT = re.compile(r"^.*</think>", re.DOTALL | re.IGNORECASE)
_OPEN_THOUGHT = re.compile(r"<think>.*$", re.DOTALL | re.IGNORECASE)
_ANSWER = re.compile(r"<answer>((?:(?!<answer>).)*?)(?:</answer>|$)", re.DOTALL | re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_LETTER = r"[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\+"
_WORD = re.compile(rf"(?:{_LETTER})+(?:['’/-](?:{_LETTER})+)*")
"""Letters, digits and underscores, joined by hyphens, slashes and apostrophes; none of scripts without spaces."""
_ANNOUNCED = re.compile(rf"(?i:\banswer\s+is):?\s*[*(\[\"'`]*([{LETTERS}])(?!\w)")
_ARTICLE = re.compile(
    r"(?<!ption )(?<!hoice )(?<!nswer )(?<!is )\bA (?=[a-z])(?!(?:and|as|because|in|is|or|since|was)\b)"
)
"""An A before a small word, unless "option", "choice", "answer" or "is" announces it or the word speaks of a choice."""


def strip_tags(reply: str) -> str:
    r"""The reply without its reasoning: ``<think>`` removed, the inside of the last ``<answer>`` or ``\boxed{}`` taken.

    A thought that never ends is all reasoning; one that only ends was begun by the prompt.
    """
    reply = _BEFORE_LAST_THOUGHT.sub("", _THOUGHT.sub("", reply))
    reply = _OPEN_THOUGHT.sub("", reply)
    for inside in (_ANSWER, _BOXED):
        if found := inside.findall(reply):
            reply = found[-1]
    return reply.strip()


def choose_letter(reply: str, options: tuple[str, ...]) -> str | None:
    """The one option letter among the first or last words of a stripped reply; ``None`` if there is none or several."""
    known = LETTERS[: len(options)]
    said = [word.strip("_") for word in _WORD.findall(_ARTICLE.sub(lambda found: found[0].lower(), reply))]
    named = [letter for letter in known if letter in said]
    return named[0] if len(named) == 1 and named[0] in (*said[:_FIRST], *said[-_LAST:]) else None


def announced_letter(reply: str, options: tuple[str, ...]) -> str | None:
    """The letter that "the answer is" stands before in a stripped reply, whatever others are discussed around it."""
    found = set(_ANNOUNCED.findall(reply)) & set(LETTERS[: len(options)])
    return found.pop() if len(found) == 1 else None


def match_option(reply: str, options: tuple[str, ...]) -> str | None:
    """The letter of the one option whose text stands in a stripped reply; ``None`` if there is none or several."""
    found = [
        (letter, option.strip().lower())
        for letter, option in zip(LETTERS, options, strict=False)
        if option.strip() and contains(reply, option)
    ]
    longest = [
        letter for letter, option in found if not any(option != other and contains(other, option) for _, other in found)
    ]
    return longest[0] if len(longest) == 1 else None


def contains(text: str, part: str) -> bool:
    """Whether ``part`` stands in ``text`` as whole words, whatever the case."""
    return re.search(rf"(?<!\w){re.escape(part.strip().lower())}(?!\w)", text.lower()) is not None


def extract_letter(reply: str, options: tuple[str, ...]) -> str | None:
    """The letter of the option that a reply chooses, ``None`` if it chooses none or several.

    A single letter among the first or last words, else the one that is announced as the answer, else a single option
    text in a reply that is not much longer than the options.
    """
    text = strip_tags(reply)
    letter = choose_letter(text, options) or announced_letter(text, options)
    if letter or len(text) > _MAX_TEXT_SHARE * sum(len(option) for option in options):
        return letter
    return match_option(text, options)


def extract_yes_no(reply: str) -> str | None:
    """``yes`` or ``no``, ``None`` if the reply says both or neither."""
    said = set(re.findall(r"[^\W_]+", strip_tags(reply).lower())) & {"yes", "no"}
    return said.pop() if len(said) == 1 else None


def says_exactly(reply: str, answer: str) -> bool:
    """Whether the reply is the answer and nothing else, whatever the case and the marks around it."""
    return _bare(strip_tags(reply)) == _bare(answer)


def says(reply: str, answer: str) -> bool:
    """Whether the reply holds the short answer as whole words. Of yes and no it must hold one alone."""
    if answer.strip().lower() in ("yes", "no"):
        return extract_yes_no(reply) == answer.strip().lower()
    return _bare(answer) != "" and contains(strip_tags(reply), _bare(answer))


def _bare(text: str) -> str:
    return " ".join(text.strip(" \t\n.,:;!?\"'`*_$()[]").lower().split())
