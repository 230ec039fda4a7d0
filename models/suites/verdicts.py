"""Options that a reply judges one by one: boxes that are ticked, a yes or no beside each, a chance for each."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from models.suites.alternatives import begins_line
from models.suites.denial_words import CROSSES, NOT, WRONG
from models.suites.mentions import Mention
from models.suites.tokens import EMPTY, FILLED, PAUSES, STOPS, Tokens
from models.suites.vocabulary import CHANCE, RIGHT, TICKS
from models.suites.yes_no_words import YES_NO

_SHARE = re.compile(r"[0-9]{1,9}(?:[.,][0-9]{1,9})?")
_LINE = 60
"""How many words of a line are looked at."""
_SEPARATORS = frozenset([":", "-", "–", "—", "->", "=", "|", "?", "."])
_ARTICLES = frozenset(["a", "an", "the"])
_TICKED = TICKS | FILLED
_MARKS = _TICKED | CROSSES | EMPTY
_VERDICTS = {
    **dict.fromkeys(WRONG, False),
    **dict.fromkeys(RIGHT, True),
    **{word: said == "yes" for word, said in YES_NO.items()},
}


def verdicts(tokens: Tokens, mentions: Sequence[Mention]) -> Mapping[int, bool]:
    """Whether the mentions of a list are the answer or not, by their numbers; empty if there is no such list."""
    if len(mentions) < 2:
        return {}
    for found in (_marked(tokens, mentions), _judged(tokens, mentions), _likeliest(tokens, mentions)):
        if len({mentions[place].option for place in found}) > 1:
            return found
    return {}


def _marked(tokens: Tokens, mentions: Sequence[Mention]) -> dict[int, bool]:
    """Of options with a mark before or after each: whether it is a tick. Marks that are all alike are bullets."""
    if _MARKS.isdisjoint(tokens.low):
        return {}
    before = {
        place: _mark(tokens.low[one.first - 1 - (tokens.low[one.first - 1] in _ARTICLES)])
        for place, one in enumerate(mentions)
    }
    after = {place: _mark(tokens.low[_item_end(tokens, mentions, place)]) for place in before}
    marks = before if before[0] else after
    found = {place: mark for place, mark in marks.items() if mark}
    if len(set(found.values())) < 2:
        return {}
    circles = not _TICKED.isdisjoint(found.values())
    return {place: mark in _TICKED or (mark in EMPTY and not circles) for place, mark in found.items()}


def _mark(token: str) -> str:
    return token if token in _MARKS else ""


def _item_end(tokens: Tokens, mentions: Sequence[Mention], place: int) -> int:
    """The token after a mention, or the last word of its line if the line is all about it."""
    one = mentions[place]
    if tokens.low[one.last + 1] in _MARKS or not begins_line(tokens, one):
        return one.last + 1
    end = one.last + 1
    while end < min(one.last + _LINE, len(tokens.low) - 1) and tokens.low[end] != "\n":
        end += 1
    if any(other.first < end for other in mentions[place + 1 : place + 2]):
        return one.last + 1
    while end > one.last + 2 and tokens.low[end - 1] in ("|", "."):
        end -= 1
    return end - 1


def _judged(tokens: Tokens, mentions: Sequence[Mention]) -> dict[int, bool]:
    """Of options with a word like "yes" or "incorrect" beside each: whether it says yes."""
    found: dict[int, bool] = {}
    if _VERDICTS.keys().isdisjoint(tokens.low):
        return found
    for place, one in enumerate(mentions):
        at = one.last + 1
        while tokens.low[at] in _SEPARATORS and at < one.last + 4:
            at += 1
        if at == one.last + 1 and not any(mark in "()" for mark in tokens.gaps[at]):
            continue
        verdict = _verdict(tokens, at)
        if verdict is None and (end := _item_end(tokens, mentions, place)) > at:
            verdict = _verdict(tokens, end) if tokens.low[end - 1] in _SEPARATORS else None
        if verdict is not None and not any(other.first == at for other in mentions[place + 1 : place + 2]):
            found[place] = verdict
    return found


def _verdict(tokens: Tokens, at: int) -> bool | None:
    """What a word says that is a clause by itself; ``None`` if it is none."""
    denied = tokens.low[at] in NOT and tokens.low[at + 1] in RIGHT
    end = at + 1 + denied
    if end >= len(tokens.low) or not (tokens.low[end] in STOPS or tokens.low[end] in PAUSES or ")" in tokens.gaps[end]):
        return None
    return False if denied else _VERDICTS.get(tokens.low[at])


def _likeliest(tokens: Tokens, mentions: Sequence[Mention]) -> dict[int, bool]:
    """Of options with a chance in percent for each: whether none is likelier."""
    if CHANCE.isdisjoint(tokens.low):
        return {}
    chances = dict(_chances(tokens, mentions))
    highest = max(chances.values(), default=0.0)
    return {place: chance == highest for place, chance in chances.items()}


def _chances(tokens: Tokens, mentions: Sequence[Mention]) -> Iterator[tuple[int, float]]:
    """The numbers of the mentions with a chance, and the chance in percent: all before their options or all after."""
    inside = {at for one in mentions for at in range(one.first, one.last + 1)} if "%" in tokens.low else set()
    shares = [
        at
        for at, word in enumerate(tokens.low[:-1])
        if tokens.low[at + 1] in ("%", "percent") and _SHARE.fullmatch(word) and at not in inside
    ]
    if not shares:
        return
    first = shares[0]
    after = any(
        one.first < first and not any(word in STOPS for word in tokens.low[one.last + 1 : first]) for one in mentions
    )
    marks = sorted(
        [(at, -1) for at in shares] + [(one.first, place) for place, one in enumerate(mentions)], reverse=not after
    )
    for (_, place), (at, share) in pairwise(marks):
        if place >= 0 and share < 0:
            yield place, float(tokens.low[at].replace(",", "."))
