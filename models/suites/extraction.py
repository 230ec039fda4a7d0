r"""What a reply says: the option it chooses, yes or no, or a short answer. By rule, without a judge, never by chance.

1. Reasoning is cut off (``reasoning``).
2. The last valid declaration counts (``declarations``): "the answer is", "I choose", ``\boxed{}``, an answer tag
   (``announcements``), "B is correct", "B it is" (``confirmations``), a ticked box, a yes or the highest chance in a
   list that judges several options (``verdicts``), in many languages and any case, with an option that is not denied
   (``denials``). One that names two options (``alternatives``) chooses none, one that is taken back ("no, that is
   wrong") leaves none, and one of a runner-up, of an earlier guess or of another case is none (``set_aside``).
3. Else a reply that is one letter, however wrapped, or that says one letter by itself: before its explanation
   ("B. The ring …"), on its own line, beside its option's text ("(B) green").
4. Else the only option whose text is said as whole words and numbers and not denied (``option_texts``), LaTeX as it is
   printed (``formulas``).
5. Else nothing: ``None``, which counts as wrong.

VLMEvalKit's rules for exact matching (``can_infer``) look for one letter among the last words, then for one option's
text in a short reply. The departures from them, each for a reason:

- Reasoning in tags is no answer, and an answer in tags or in ``\boxed{}`` is one: trained models write both.
- A letter counts by what is said of it, not by its place: the first words, as in "B. The ring is green because it …",
  are as good as the last, and of two declarations the last counts, as models correct themselves. VLMEvalKit takes the
  first "answer is", and the a of "the answer is a ring", too.
- A lone letter that nothing announces names something else: "Vitamin D", "Plan B", "24 C", the article in "A ring".
- What is denied is not chosen: "not A", "A is wrong", "there is no dog".
- Letters in lower case count where capitals do, unless they are words.
- An option text must stand as whole words and numbers ("greenish" is not "green", "3.5" not "3"), the longer one of two
  that contain each other counts ("top left" over "left"), in a reply of any length.
- Marks and scripts without spaces around a letter ("$B$", "答案是B") or around yes and no ("**Yes**:") do not hide it.
- Yes and no: a "no" that only denies something ("no idea", "No. 2") answers nothing, and of both the declared one
  counts, else the first word of the reply. VLMEvalKit takes either word where the other one is missing.
"""

import re
from functools import lru_cache

from models.reasoning import final_part, strip_reasoning
from models.suites.clauses import ends_clause
from models.suites.declarations import Declarations
from models.suites.denials import NEAR
from models.suites.mentions import Mention, find_mentions
from models.suites.set_aside import is_supposed
from models.suites.tokens import LETTERS, PAUSES, STOPS, Tokens, lower, plain, tokens_of
from models.suites.vocabulary import ARTICLE, HEDGE, OPTION
from models.suites.yes_no import read_yes_no
from models.suites.yes_no_words import YES_NO

_ONE_LETTER = re.compile(r"[\s(\[\"'*`]*([A-Ha-h])[\s.,:;!)\]\"'*`]*")
"""What most replies are; the rules say the same of it, more slowly."""
_QUESTION = re.compile(r"q(uestion)?\d*")
_COLONS = frozenset([":", "->", "–", "—", "-", "print"])
_LINE_ENDS = frozenset(["", "\n", "|"])


def extract_letter(reply: str, options: tuple[str, ...]) -> str | None:
    """The letter of the option that a reply chooses, ``None`` if it chooses none or several."""
    text = strip_reasoning(reply)
    if (one := _ONE_LETTER.fullmatch(text)) and (number := LETTERS.index(one[1].upper())) < len(options):
        return LETTERS[number]
    tokens = tokens_of(text)
    found = Declarations(tokens, find_mentions(tokens, options))
    declared, option = found.last()
    if not declared:
        option = _by_itself(found)
        if option is None:
            option = _only_text(found, options, text)
    return None if option is None else LETTERS[option]


def _by_itself(found: Declarations) -> int | None:
    """The one option whose letter stands by itself: alone in its sentence, before an explanation, beside its text."""
    said = {
        one.option
        for place, one in enumerate(found.mentions)
        if one.letter and found.stands(place) and not found.is_withdrawn(place)
        if found.names_two(place) or _stands_out(found, one)
    }
    return said.pop() if len(said) == 1 else None


def _stands_out(found: Declarations, one: Mention) -> bool:
    """Whether a letter is the reply or its begin, a line, or a label of its option."""
    tokens = found.tokens
    alone = ends_clause(tokens, one.last + 1) or tokens.low[one.last + 1] == tokens.low[one.last]
    begin = one.first - 1
    number = begin - 1 - tokens.low[begin - 1].isdigit()
    if tokens.low[begin] == ":" and _QUESTION.fullmatch(tokens.low[number]):
        begin = number - 1
    while begin > one.first - NEAR and (
        tokens.low[begin] in PAUSES
        or (tokens.low[begin] == "." and tokens.low[begin - 1].isdigit())
        or tokens.low[begin].isdigit()
    ):
        begin -= 1
    if begin == 0 and not found.is_item(one) and (alone or tokens.gaps[one.last + 1].startswith((")", "]", "**"))):
        return True
    after = tokens.low[one.last + 1]
    if (
        tokens.low[one.first - 1] in STOPS
        and after in STOPS
        and (after in _LINE_ENDS or tokens.low[one.last + 2] in _LINE_ENDS)
    ):
        return True
    return one.text or (alone and _is_named(tokens, one))


def _is_named(tokens: Tokens, one: Mention) -> bool:
    """Whether "option" or a bracket stands before the letter, and nothing else in its clause."""
    at, named = one.first - 1, "(" in tokens.gaps[one.first]
    while at > one.first - NEAR and (tokens.low[at] in OPTION or tokens.low[at] in ARTICLE or tokens.low[at] in HEDGE):
        named |= tokens.low[at] in OPTION
        at -= 1
    return named and (tokens.low[at] in STOPS or tokens.low[at] in _COLONS)


def _only_text(found: Declarations, options: tuple[str, ...], text: str) -> int | None:
    """The only option whose text is said and not denied. Of options that are yes and no, the one that is answered."""
    answers = _yes_no_options(options)
    either = "yes" in answers and "no" in answers
    said = {
        one.option
        for place, one in enumerate(found.mentions)
        if one.text and found.stands(place)
        if not (either and answers[one.option]) and not is_supposed(found.tokens, one.first)
    }
    if either and not said and (answer := read_yes_no(text)):
        return answers.index(answer)
    return said.pop() if len(said) == 1 else None


@lru_cache(maxsize=4096)
def _yes_no_options(options: tuple[str, ...]) -> list[str | None]:
    """What each option answers, if its text is a yes or no."""
    return [YES_NO.get(_bare(option)) for option in options]


def extract_yes_no(reply: str) -> str | None:
    """``yes`` or ``no``, ``None`` if the reply says both or neither."""
    return read_yes_no(strip_reasoning(reply))


def says_exactly(reply: str, answer: str) -> bool:
    """Whether the reply is the answer and nothing else, whatever the case and the marks around it."""
    return _bare(final_part(strip_reasoning(reply))) == _bare(answer)


def says(reply: str, answer: str) -> bool:
    """Whether the reply holds the short answer as whole words, not denied. Of yes and no it must say that one."""
    if answer.strip().lower() in ("yes", "no"):
        return extract_yes_no(reply) == answer.strip().lower()
    tokens = tokens_of(final_part(strip_reasoning(reply)))
    found = Declarations(tokens, [one for one in find_mentions(tokens, (answer,)) if one.text])
    return not all(found.denied)


def _bare(text: str) -> str:
    return " ".join(lower(plain(text)).strip(" \t\n.,:;!?\"'`*_$()[]“”‘’。").split())
