"""Which of the options that a reply mentions it declares to be its answer, and which it denies."""

from collections.abc import Container, Sequence
from functools import cached_property
from itertools import pairwise

from models.suites.alternatives import begins_line, joining, listed_again
from models.suites.denial_words import ASIDE, IF, NOT, WRONG
from models.suites.denials import NEAR, denied_after, denied_before, holds, is_denial, is_excepted
from models.suites.mentions import Mention
from models.suites.set_aside import is_elsewhere, is_withdrawn
from models.suites.tokens import BEGIN, LETTERS, PAUSES, STOPS, Tokens
from models.suites.verdicts import verdicts
from models.suites.vocabulary import (
    AFTERTHOUGHT,
    AGREES,
    ALSO,
    ANSWER,
    ARTICLE,
    BECAUSE,
    BUT,
    CHANGE,
    CHOOSE,
    CHOSEN,
    CORRECTION,
    HEDGE,
    LINK,
    NO_CUE,
    OPTION,
    RIGHT,
    SAY,
    SENTENCE_BEGINS,
    TICKS,
)

_MOST = 1000
"""So many mentions are looked at, the last: a reply with more is a model in a loop."""
_CUE = 14
"""How many words may stand between "answer" and the answer."""
_IT = frozenset(["it", "that", "this", "that'd", "it'd", "that'll", "it'll", "es", "das"])
_MAYBE = frozenset(["could", "may", "might", "can", "可能"])
_LIKE = frozenset(["looks like", "seems like", "sounds like", "smells like"])
_THAT = frozenset(["que", "dass", "che", "что"])
_SECOND = frozenset(["second", "next", "another"])
"""Before a cue: "the second best is A" announces no answer."""
_DESCRIBES = frozenset(["describes", "represents", "depicts", "captures", "shows", "answers", "explains"])
_DASHES = frozenset(["-", "–", "—", "->"])
_BEFORE_LETTER = (OPTION, ARTICLE, LINK, BUT, ALSO, SAY, CHOOSE, HEDGE, ASIDE, BECAUSE, ANSWER, IF)


class Declarations:
    """What a reply says of the options that it mentions."""

    def __init__(self, tokens: Tokens, mentions: Sequence[Mention]) -> None:
        self.tokens = tokens
        self.mentions = mentions[-_MOST:]
        self.listed = listed_again(tokens, self.mentions)
        """First tokens of those that only repeat the question's list."""
        self._joining = [joining(tokens, one, other) for one, other in pairwise(self.mentions)]
        self._verdicts = verdicts(tokens, self.mentions)
        self.denied: list[bool] = []
        for place, one in enumerate(self.mentions):
            verdict = True if is_excepted(tokens, one) else self._verdicts.get(place)
            self.denied.append(
                denied_before(tokens, one.first) or denied_after(tokens, one) or self._shares_denial(place)
                if verdict is None
                else not verdict
            )

    def _shares_denial(self, place: int) -> bool:
        """Whether the denial of the one before reaches it: "no cat or dog"; not in "no cat, a dog"."""
        if not (place and self.denied[place - 1] and self._joining[place - 1]):
            return False
        goes_on = any(self._joining[place : place + 1])
        return (self._joining[place - 1] != "," or goes_on) and not denied_after(self.tokens, self.mentions[place - 1])

    def last(self) -> tuple[bool, int | None]:
        """Whether an answer is declared at all, and the option of the last declaration: ``None`` if it names two."""
        elsewhere: tuple[bool, int | None] | None = None
        for place in range(len(self.mentions) - 1, -1, -1):
            one = self.mentions[place]
            if not self.stands(place):
                continue
            after_denial = place > 0 and self.denied[place - 1] and self.tokens.low[one.first - 1] in BUT
            judged = place in self._verdicts or is_excepted(self.tokens, one)
            if not (after_denial or judged or self._is_announced(one) or self._is_confirmed(one)):
                continue
            end = self.mentions[place + 1] if any(self._joining[place : place + 1]) else one
            if self.tokens.low[end.last + 1] == "?":
                continue
            if not judged and is_withdrawn(self.tokens, end):
                return True, None
            option = None if self.names_two(place) else one.option
            if not is_elsewhere(self.tokens, one):
                return True, option
            elsewhere = elsewhere or (True, option)
        return elsewhere or (False, None)

    def stands(self, place: int) -> bool:
        """Whether a mention is neither denied nor one of the question's list again."""
        return not self.denied[place] and (place in self._verdicts or self.mentions[place].first not in self.listed)

    def names_two(self, place: int) -> bool:
        """Whether a mention is one of several alternatives that stand."""
        if place and self._is_also(place):
            return True
        if place in self._verdicts:
            return len({self.mentions[other].option for other, right in self._verdicts.items() if right}) > 1
        return any(
            self._joining[side] and not self.denied[other]
            for side, other in ((place - 1, place - 1), (place, place + 1))
            if 0 <= side < len(self._joining)
        )

    def _is_also(self, place: int) -> bool:
        """Whether it is named beside an earlier one: "and so is B"."""
        first = self.mentions[place].first
        return self.tokens.low[first - 2 : first] in (["so", "is"], ["as", "is"]) and not self.denied[place - 1]

    def ends_clause(self, at: int) -> bool:
        """Whether what stands before the token is said by itself: the clause ends there, or a reason follows."""
        tokens = self.tokens
        if tokens.low[at] in STOPS or tokens.low[at] in PAUSES or tokens.raw[at] in SENTENCE_BEGINS:
            return True
        after = at + (tokens.low[at] in OPTION)
        if tokens.starts_with(at, BECAUSE) or tokens.starts_with(at, AFTERTHOUGHT) or tokens.low[after] in STOPS:
            return True
        contrast = at + 1 + (tokens.low[at] not in NOT)
        return (tokens.starts_with(at, NOT) and tokens.raw[contrast] in LETTERS) or self._opens_aside(at)

    def _opens_aside(self, at: int) -> bool:
        """Whether a bracket opens before the token and closes at the end of its sentence: "B (confidence: 90%)"."""
        gaps, low = self.tokens.gaps, self.tokens.low
        if not gaps[at].lstrip("*)]}$").startswith(("(", "[")):
            return False
        for end in range(at + 1, min(at + 2 * NEAR, len(low))):
            if gaps[end].startswith((")", "]")) or low[end] in STOPS:
                return low[end] in STOPS
        return False

    def is_item(self, one: Mention) -> bool:
        """Whether it begins a line, as another option's letter does."""
        return self._are_items and begins_line(self.tokens, one)

    @cached_property
    def _are_items(self) -> bool:
        return len({one.option for one in self.mentions if one.letter and begins_line(self.tokens, one)}) > 1

    def _is_announced(self, one: Mention) -> bool:
        """Whether "answer is", "I choose", a box, a bold letter or the like stands before it."""
        tokens, at, named = self.tokens, one.first - 1, False
        near = max(0, one.first - NEAR)
        while at > near and (tokens.low[at] in ARTICLE or tokens.low[at] in OPTION) and not tokens.has(at, CHOOSE):
            named |= tokens.low[at] in OPTION
            at -= 1
        while at > near and tokens.low[at] in HEDGE and tokens.low[at] not in LINK and not tokens.has(at, SAY):
            named = True
            at -= 1
        if tokens.low[at - 2 : at + 1] == ["none", "other", "than"]:
            at -= 3
        word = tokens.low[at]
        if word == BEGIN:
            return True
        if tokens.has(at, CHOOSE):
            return holds(tokens, at)
        if one.letter and tokens.low[at + 1] == "to" and (change := self._verb(at, CHANGE)):
            return holds(tokens, change)
        if one.letter and self.ends_clause(one.last + 1) and self._introduces(one, at, named):
            return True
        if one.letter and word == ":" and not named and (tokens.low[at - 1] in OPTION or self._is_prompt(at - 1)):
            return holds(tokens, at - 1)
        if word == "\n":
            colon = tokens.low[at - 1] == ":"
            return (colon or tokens.has(at - 1, ANSWER)) and self._is_linked(one, at - 1 if colon else at)
        return word in LINK and self._is_linked(one, at)

    def _is_prompt(self, at: int) -> bool:
        """Whether the word before a colon asks for the answer: "final", "assistant", the "A" after a "Q"."""
        low = self.tokens.low
        return low[at] in ("final", "assistant") or (low[at] == "a" and low[1:3] == ["q", ":"] and low[at - 1] == "\n")

    def _verb(self, at: int, verbs: Container[str]) -> int:
        """The place of one of the verbs shortly before: "change my answer to", "pick the last one,"; 0 if none is."""
        return next((verb for verb in range(at, max(0, at - 5), -1) if self.tokens.has(verb, verbs)), 0)

    def _introduces(self, one: Mention, at: int, named: bool) -> bool:
        """Whether the token before a letter that ends its clause announces it without a verb: "so B", "answer B"."""
        tokens = self.tokens
        if self._is_bold(one) or tokens.low[at] in TICKS or (tokens.has(at, SAY) and holds(tokens, at)):
            return True
        if named and (tokens.low[at] in _DESCRIBES or tokens.has(at, AGREES)):
            return holds(tokens, at)
        if tokens.has(at, _LIKE):
            return any(tokens.low[at - 2] in words for words in (STOPS, PAUSES, _IT, HEDGE))
        if named and tokens.low[at] in STOPS and tokens.low[at + 1] in HEDGE:
            return True
        if (tokens.has(at, ANSWER) or (named and tokens.low[at] in RIGHT)) and holds(tokens, at):
            return True
        pause = tokens.low[at] in PAUSES or tokens.low[at] == "\n"
        noun = tokens.has(at - 1, ANSWER) or tokens.low[at - 1] in OPTION or tokens.has(at - 1, CHOOSE)
        if pause and (tokens.has(at - 1, SAY) or (tokens.low[at] in PAUSES and noun)):
            return holds(tokens, at - 1)
        if named and tokens.low[at] == "," and (verb := self._verb(at, CHOOSE)):
            return holds(tokens, verb)
        return self._corrects(one, at)

    def _corrects(self, one: Mention, at: int) -> bool:
        """Whether a word like "sorry", "wait" or "updated" stands before a letter that ends its clause."""
        tokens = self.tokens
        if tokens.low[at] in STOPS or tokens.low[at] in PAUSES:
            if tokens.low[at] in STOPS and tokens.low[one.last + 1] not in STOPS:
                return False
            at -= 1
        return tokens.has(at, CORRECTION)

    def _is_linked(self, one: Mention, link: int) -> bool:
        """Whether the subject of the "is" before it is an answer: "the answer to the question is"."""
        tokens = self.tokens
        if one.letter and self.ends_clause(one.last + 1):
            subject = link - 2 if tokens.low[link - 1] in _THAT else link - 1
            while (
                tokens.low[subject] in HEDGE
                and tokens.low[subject] not in _MAYBE
                and tokens.low[subject] not in LINK
                and not tokens.has(subject, SAY)
            ):
                subject -= 1
            if tokens.low[subject] in _IT or tokens.low[subject] in STOPS or tokens.has(subject, SAY):
                return holds(tokens, subject)
        for at in range(link - 1, max(0, link - _CUE), -1):
            word = tokens.low[at]
            if word in STOPS or word == tokens.low[link] == ":" or is_denial(tokens, at):
                return False
            if word in WRONG and at == link - 1:
                return False
            second = tokens.low[at - 1] in _SECOND and word not in OPTION
            cue = tokens.has(at, ANSWER) or (one.letter and (word in OPTION or tokens.has(at, CHOOSE)))
            if cue or (one.letter and word in RIGHT and word not in NO_CUE):
                return not second and holds(tokens, at)
        return False

    def _is_bold(self, one: Mention) -> bool:
        """Whether the letter is in bold, and no item of a list of several."""
        gaps, at = self.tokens.gaps, one.first
        opened = "**" in gaps[at] or (self.tokens.low[at - 1] in OPTION and "**" in gaps[at - 1])
        closed = any("**" in gap for gap in gaps[one.last + 1 : one.last + 3])
        return opened and closed and not self.is_item(one)

    def _is_confirmed(self, one: Mention) -> bool:
        """Whether "is correct", "is the answer" or the like is said of it."""
        tokens, linked = self.tokens, False
        if one.letter and not one.text and not self._may_stand_alone(one):
            return False
        if self._completes(one):
            return holds(tokens, one.first)
        for at in range(one.last + 1, min(one.last + 1 + NEAR, len(tokens.low) - 1)):
            word = tokens.low[at]
            if word in STOPS or word in WRONG or is_denial(tokens, at) or at in self._texts:
                return False
            if word in CHOSEN:
                return self.ends_clause(at + 1) and holds(tokens, one.first)
            linked |= word in LINK or (word in _DASHES and at == one.last + 1)
            if (word in RIGHT or tokens.has(at, ANSWER)) and (linked or (one.letter and word != "one")):
                return self._ends_praise(at) and holds(tokens, one.first)
            if not (word in LINK or word in HEDGE or word in ARTICLE or word in OPTION or word in _DASHES):
                return False
        return False

    def _completes(self, one: Mention) -> bool:
        """Whether it ends a sentence that called others wrong, or is resumed: "A is not right; B is", "B it is"."""
        low, end = self.tokens.low, one.last + 1
        if low[end : end + 2] == ["it", "is"]:
            return low[end + 2] in STOPS or low[end + 2] in PAUSES
        if low[end] in LINK and low[end + 1] in NOT and low[end + 2] in WRONG:
            end += 3
        if low[end] in STOPS and low[end] and low[end + 1] in _IT and low[end + 2] in LINK:
            praise = end + 3 + (low[end + 3 : end + 4] != [] and low[end + 3] in ARTICLE)
            return praise < len(low) - 1 and low[praise] in RIGHT and self._ends_praise(praise)
        if not (low[end] in LINK and low[end].isalpha() and low[end + 1] in STOPS):
            return False
        return not RIGHT.isdisjoint(low[max(0, one.first - 2 * NEAR) : one.first])

    @cached_property
    def _texts(self) -> frozenset[int]:
        """The tokens of options' texts: "the right" confirms nothing where "right" is an option."""
        return frozenset(at for one in self.mentions if one.text for at in range(one.first, one.last + 1))

    def _ends_praise(self, at: int) -> bool:
        """Whether "correct" or the like speaks of an answer: not "right there", not a question."""
        after = self.tokens.low[at + 1]
        if after == "?":
            return False
        ends = self.ends_clause(at + 1) or not self.tokens.low[at].isascii() or after == "than"
        return ends or after in OPTION or after in ANSWER or after in RIGHT or after in _DESCRIBES

    def _may_stand_alone(self, one: Mention) -> bool:
        """Whether no noun before the letter makes a name of it: "Plan B is better"."""
        before = self.tokens.low[one.first - 1]
        if self.tokens.gaps[one.first] or not before.isascii() or not before[-1:].isalpha():
            return True
        return any(self.tokens.has(one.first - 1, words) for words in _BEFORE_LETTER)
