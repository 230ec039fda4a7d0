"""Which of the options that a reply mentions it declares to be its answer, and which it denies."""

from collections.abc import Sequence
from functools import cached_property

from models.suites.mentions import Mention
from models.suites.tokens import BEGIN, PAUSES, STOPS, Tokens
from models.suites.vocabulary import (
    ALSO,
    ANSWER,
    ARTICLE,
    ASIDE,
    BECAUSE,
    BUT,
    CHOOSE,
    HEDGE,
    IDIOMS,
    IF,
    LINK,
    NOT,
    OPTION,
    OTHERS,
    OTHERS_SAY,
    PRESENT,
    RIGHT,
    SAY,
    SENTENCE_BEGINS,
    WOULD,
    WRONG,
)

_NEAR, _SENTENCE = 8, 25
"""How many words a denial reaches, and how far back a sentence's begin is looked for."""
_MOST = 1000
"""So many mentions are looked at, the last: a reply with more is a model in a loop."""
_CUE = 14
"""How many words may stand between "answer" and the answer."""
_ASKED = frozenset(["i", "we", "forced", "asked", "pressed", "ich", "je", "必须", "要", "一定"])
"""After an "if" that supposes nothing: "if I had to choose"."""
_IT = frozenset(["it", "that", "this", "es", "das"])
_THAT = frozenset(["que", "dass", "che", "что", "que"])
_DIRECTIONS = frozenset(
    ["right", "true", "exact", "accurate", "one", "fits", "fit", "matches", "match", "works", "applies", "better"]
)
"""Of ``RIGHT``: words that do not announce an answer by themselves ("on the right is B")."""
_BEFORE_LETTER = (OPTION, ARTICLE, LINK, BUT, ALSO, SAY, CHOOSE, HEDGE, ASIDE, BECAUSE, ANSWER, IF)
_DASHES = frozenset(["-", "–", "—", "->"])
_PLURAL = frozenset(["are", "were", "both", "all", "have", "do", "can", "sont", "sind", "son", "sono", "são"])
_AND = frozenset([",", "&", "and", "und", "et", "y", "e", "en", "и", "和", "و"])
"""Of ``ALSO``: before a verb they begin another clause: "B, and A is wrong"."""
_DO = frozenset(["does", "do", "did", "has", "have", "can", "could", "的", "was"])


class Declarations:
    """What a reply says of the options that it mentions."""

    def __init__(self, tokens: Tokens, mentions: Sequence[Mention]) -> None:
        self.tokens, self.mentions = tokens, mentions = tokens, mentions[-_MOST:]
        self.listed = self._restated()
        self.texts = frozenset(at for one in mentions if one.text for at in range(one.first, one.last + 1))
        self.joined = [self._joined(one, other) for one, other in zip(mentions, mentions[1:], strict=False)]
        self.denied: list[bool] = []
        for place, one in enumerate(mentions):
            inherited = (
                place > 0
                and self.denied[-1]
                and self._one_list(place - 1)
                and not self._denied_after(mentions[place - 1])
            )
            self.denied.append(inherited or self._denied_before(one.first) or self._denied_after(one))

    def last(self) -> tuple[bool, int | None]:
        """Whether the reply declares an answer at all, and the option of its last declaration: ``None`` if it names two."""
        for place in range(len(self.mentions) - 1, -1, -1):
            one = self.mentions[place]
            if self.denied[place] or one.first in self.listed:
                continue
            after_denial = place > 0 and self.denied[place - 1] and self.tokens.low[one.first - 1] in BUT
            if not (after_denial or self._announced(one) or self._confirmed(one)):
                continue
            end = self.mentions[place + 1] if place < len(self.joined) and self.joined[place] else one
            if self.tokens.low[end.last + 1] != "?":
                return True, None if self.names_two(place) else one.option
        return False, None

    def ends_clause(self, at: int) -> bool:
        """Whether what is said before the token is said by itself: a clause, or a reason, follows."""
        tokens = self.tokens
        if tokens.low[at] in STOPS or tokens.low[at] in PAUSES or tokens.raw[at] in SENTENCE_BEGINS:
            return True
        return tokens.starts_with(at, BECAUSE)

    # What stands before a mention

    def _announced(self, one: Mention) -> bool:
        """Whether "answer is", "I choose", a box, a bold letter or the like stands before it."""
        tokens, at = self.tokens, one.first - 1
        alone = self.ends_clause(one.last + 1)
        named = False
        near = max(0, one.first - _NEAR)
        while at > near and (tokens.low[at] in ARTICLE or tokens.low[at] in OPTION) and not tokens.has(at, CHOOSE):
            named |= tokens.low[at] in OPTION
            at -= 1
        while at > near and tokens.low[at] in HEDGE and tokens.low[at] not in LINK and not tokens.has(at, SAY):
            at -= 1
        word = tokens.low[at]
        if word == BEGIN:
            return True
        if tokens.has(at, CHOOSE):
            return self._stands(at)
        if one.letter and alone:
            if self._bold(one) or (tokens.has(at, SAY) and self._stands(at)):
                return True
            if (word in PAUSES or word == "\n") and tokens.has(at - 1, SAY) and self._stands(at - 1):
                return True
            if (tokens.has(at, ANSWER) or (named and word in RIGHT)) and self._stands(at):
                return True
            if word in PAUSES and tokens.has(at - 1, ANSWER) and self._stands(at - 1):
                return True
        if one.letter and word == ":" and named is False and tokens.low[at - 1] in OPTION:
            return self._stands(at - 1)
        if word == "\n" and (tokens.has(at - 1, ANSWER) or tokens.low[at - 1] == ":"):
            return self._linked(one, at - 1 if tokens.low[at - 1] == ":" else at, alone)
        return word in LINK and self._linked(one, at, alone)

    def _linked(self, one: Mention, link: int, alone: bool) -> bool:
        """Whether the subject of the link before it is an answer: "the answer to the question is"."""
        tokens = self.tokens
        if one.letter and alone:
            subject = link - 1 if tokens.low[link - 1] not in _THAT else link - 2
            if tokens.low[subject] in _IT or tokens.has(subject, SAY):
                return self._stands(subject)
        for at in range(link - 1, max(0, link - _CUE), -1):
            word = tokens.low[at]
            if (
                word in STOPS
                or (word == ":" and tokens.low[link] == ":")
                or (tokens.has(at, NOT) and not self._idiom(at))
                or (word in WRONG and at == link - 1)
            ):
                return False
            cue = tokens.has(at, ANSWER) or (one.letter and (word in OPTION or tokens.has(at, CHOOSE)))
            if cue or (one.letter and word in RIGHT and word not in _DIRECTIONS):
                return self._stands(at)
        return False

    def _stands(self, cue: int) -> bool:
        """Whether what announces is not itself denied, supposed, or said by others."""
        tokens = self.tokens
        for at in range(cue - 1, max(0, cue - _NEAR), -1):
            if tokens.has(at, NOT) and not self._idiom(at):
                return False
            if tokens.low[at] in WRONG or tokens.low[at] in IF:
                return False
            if tokens.low[at] not in ASIDE and tokens.low[at] not in HEDGE and tokens.low[at] not in OPTION:
                break
        return not self._supposed(cue) and not self._said_by_others(cue)

    def _supposed(self, cue: int) -> bool:
        """Whether the sentence is of the kind "if it were …, the answer would be"."""
        low = self.tokens.low
        would = any(word in WOULD for word in low[cue + 1 : cue + 5])
        for at in range(cue, max(0, cue - _SENTENCE), -1):
            word = low[at]
            if word in STOPS:
                return False
            would |= word in WOULD
            if word in IF or (word in ("had", "were") and (low[at - 1] in STOPS or low[at - 1] in PAUSES)):
                return would and not _ASKED & set(low[at + 1 : at + 4])
        return False

    def _said_by_others(self, cue: int) -> bool:
        low = self.tokens.low
        for at in range(cue, max(1, cue - _NEAR), -1):
            if low[at] in STOPS:
                return False
            if low[at] in OTHERS_SAY and low[at - 1] in OTHERS and low[at - 2] not in ("i", "we"):
                return True
        return False

    def _bold(self, one: Mention) -> bool:
        """Whether the letter is in bold, and no item of a list of several."""
        gaps, at = self.tokens.gaps, one.first
        opened = "**" in gaps[at] or (self.tokens.low[at - 1] in OPTION and "**" in gaps[at - 1])
        closed = any("**" in gaps[near] for near in range(one.last + 1, min(one.last + 3, len(gaps))))
        return opened and closed and not self.is_item(one)

    def is_item(self, one: Mention) -> bool:
        """Whether it stands at the begin of a line, as others do."""
        return self._several_items and self._begins_line(one)

    @cached_property
    def _several_items(self) -> bool:
        return len({one.option for one in self.mentions if one.letter and self._begins_line(one)}) > 1

    def _begins_line(self, one: Mention) -> bool:
        low, at = self.tokens.low, one.first - 1
        while (low[at] in PAUSES or low[at] in OPTION) and at > one.first - _NEAR:
            at -= 1
        return low[at] in ("", "\n")

    # What stands after a mention

    def _confirmed(self, one: Mention) -> bool:
        """Whether "is correct", "is the answer" or the like is said of it."""
        tokens, at, linked = self.tokens, one.last + 1, False
        if one.letter and not one.text and not self._free(one):
            return False
        for _ in range(_NEAR):
            word = tokens.low[at]
            if word in STOPS or word in WRONG or tokens.has(at, NOT) or at in self.texts:
                return False
            linked |= word in LINK or (word in _DASHES and at == one.last + 1)
            if (word in RIGHT or tokens.has(at, ANSWER)) and (linked or (one.letter and word != "one")):
                after = tokens.low[at + 1]
                ends = after != "?" and (
                    after in STOPS
                    or after in PAUSES
                    or after in OPTION
                    or after in ANSWER
                    or after in RIGHT
                    or after == "than"
                )
                ends = ends or tokens.starts_with(at + 1, BECAUSE) or not word.isascii()
                return ends and self._stands(one.first)
            if not (word in LINK or word in HEDGE or word in ARTICLE or word in OPTION or word in _DASHES):
                return False
            at += 1
        return False

    def _free(self, one: Mention) -> bool:
        """Whether no noun stands before the letter that would make a name of it: "Plan B is better"."""
        before = self.tokens.low[one.first - 1]
        marked = self.tokens.gaps[one.first] or not before.isascii() or not before[-1:].isalpha()
        return bool(marked) or any(self.tokens.has(one.first - 1, words) for words in _BEFORE_LETTER)

    def _denied_after(self, one: Mention) -> bool:
        """Whether "is wrong", "can be ruled out", "is not" or the like is said of it, alone or with others."""
        tokens, at = self.tokens, one.last + 1
        separator = ""
        while at < one.last + 2 * _NEAR and tokens.low[at] in ALSO and _names(tokens.low[at + 1]):
            separator, at = tokens.low[at], at + 2
        if separator == "," and tokens.low[at] not in _PLURAL:
            return False
        linked = False
        for _ in range(_NEAR):
            word = tokens.low[at]
            if word in STOPS:
                return False
            if tokens.starts_with(at, WRONG):
                return True
            if tokens.starts_with(at, NOT):
                if tokens.low[at + 1] in PRESENT:
                    return True
                return one.letter and (linked or "'" in word or word == "cannot" or not word.isascii())
            linked |= word != ":"
            if word not in LINK and word not in HEDGE and word not in OPTION and word not in _DO:
                return False
            at += 1
        return False

    def _denied_before(self, first: int) -> bool:
        """Whether a "not" reaches it within its clause."""
        tokens = self.tokens
        for at in range(first - 1, max(0, first - 1 - _NEAR), -1):
            word = tokens.low[at]
            if (word in STOPS and word != BEGIN) or word in PAUSES:
                return False
            if tokens.has(at, NOT) and not self._idiom(at):
                return True
            if word in BUT:
                return False
        return False

    def _idiom(self, at: int) -> bool:
        """Whether the denial is part of a phrase that denies nothing: "no doubt"."""
        low = self.tokens.low
        return f"{low[at]} {low[at + 1]}" in IDIOMS or f"{low[at - 1]} {low[at]}" in IDIOMS

    # Several mentions

    def _one_list(self, place: int) -> bool:
        """Whether a denial of the mention is one of the next, too: "no cat or dog", "no cat, dog or cow"."""
        return self.joined[place] not in ("", ",") or (
            self.joined[place] == "," and "".join(self.joined[place + 1 : place + 2]) != ""
        )

    def _joined(self, one: Mention, other: Mention) -> str:
        """The "or", "and", comma or slash that joins them to a list of alternatives; empty if nothing does."""
        low = self.tokens.low
        between = low[one.last + 1 : other.first]
        if not 0 < len(between) <= 5 or one.option == other.option:
            return ""
        if not all(word in ALSO or word in ARTICLE or word in OPTION or word == BEGIN for word in between):
            return ""
        follows = low[other.last + 1]
        clause = follows[:1].isalpha() and follows not in ALSO and follows not in _PLURAL
        return next((word for word in reversed(between) if word in ALSO and not (clause and word in _AND)), "")

    def names_two(self, place: int) -> bool:
        """Whether the mention is one of several alternatives that stand."""
        after = place < len(self.joined) and self.joined[place] != "" and not self.denied[place + 1]
        return after or (place > 0 and self.joined[place - 1] != "" and not self.denied[place - 1])

    def _restated(self) -> frozenset[int]:
        """First tokens of the mentions that only repeat the list of options: "A. cat B. dog C. horse"."""
        low, found = self.tokens.low, set[int]()
        run: list[Mention] = []
        for one in [*self.mentions, None]:
            follows = (
                one
                and one.letter
                and one.text
                and (
                    not run
                    or (
                        one.option != run[-1].option
                        and all(word in PAUSES or word in STOPS for word in low[run[-1].last + 1 : one.first])
                    )
                )
            )
            if not follows:
                if len(run) > 2 or (len(run) == 2 and run[0].option == 0):
                    found |= {item.first for item in run}
                run = []
            if one and one.letter and one.text:
                run.append(one)
        return frozenset(found)


def _names(word: str) -> bool:
    """Whether a token may name an option: a letter, or "option"."""
    return word in OPTION or (len(word) == 1 and word.isascii() and word.isalpha())
