"""Which of the options that a reply mentions it declares to be its answer, and which it denies."""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

from models.suites.alternatives import begins_line, joining, listed_again
from models.suites.announcements import is_announced, is_bold
from models.suites.confirmations import is_confirmed
from models.suites.denials import denied_after, denied_before, excepted
from models.suites.mentions import Mention
from models.suites.set_aside import is_elsewhere, is_withdrawn
from models.suites.tokens import STOPS, Tokens
from models.suites.verdicts import verdicts
from models.suites.vocabulary import ARTICLE, BUT, OPTION, REASON

_MOST = 1000
"""So many mentions are looked at, the last: a reply with more is a model in a loop."""


class Declarations:
    """What a reply says of the options that it mentions."""

    def __init__(self, tokens: Tokens, mentions: Sequence[Mention]) -> None:
        self.tokens = tokens
        self.mentions = mentions[-_MOST:]
        self.listed = listed_again(tokens, self.mentions) if len(self.mentions) > 1 else frozenset()
        """First tokens of those that only repeat the question's list."""
        self._joining = [joining(tokens, one, other) for one, other in pairwise(self.mentions)]
        self._verdicts = {**verdicts(tokens, self.mentions), **dict.fromkeys(excepted(tokens, self.mentions), True)}
        self.denied: list[bool] = []
        for place, one in enumerate(self.mentions):
            verdict = self._verdicts.get(place)
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
            judged = place in self._verdicts
            if not (after_denial or judged or self._is_said(place)):
                continue
            end = place + any(self._joining[place : place + 1])
            if not judged and self.tokens.low[self.mentions[end].last + 1] == "?":
                continue
            if not judged and self.is_withdrawn(end):
                return True, None
            option = None if self.names_two(place) else one.option
            if not is_elsewhere(self.tokens, one):
                return True, option
            elsewhere = elsewhere or (True, option)
        return elsewhere or (False, None)

    def _is_said(self, place: int) -> bool:
        """Whether words before or after a mention declare it."""
        one = self.mentions[place]
        if is_announced(self.tokens, one) or (is_bold(self.tokens, one) and not self.is_item(one)):
            return True
        return is_confirmed(self.tokens, one, self._is_text) and not self._gives_reason(place)

    def _gives_reason(self, place: int) -> bool:
        """Whether what is said of it is the reason for an earlier one: "D, because A, B and C are correct"."""
        first = place
        while first and self._joining[first - 1]:
            first -= 1
        low, begin = self.tokens.low, self.mentions[first].first - 1
        while low[begin] in OPTION or low[begin] in ARTICLE or low[begin] in ("both", "all"):
            begin -= 1
        if low[begin] not in REASON or not first:
            return False
        return self.stands(first - 1) and STOPS.isdisjoint(low[self.mentions[first - 1].last + 1 : begin])

    def is_withdrawn(self, place: int) -> bool:
        """Whether a mention is taken back before the next one: "No, that is wrong"."""
        further = self.mentions[place + 1 : place + 2]
        until = further[0].first if further else len(self.tokens.low)
        return is_withdrawn(self.tokens, self.mentions[place], until)

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

    def is_item(self, one: Mention) -> bool:
        """Whether it begins a line, as another option's letter does."""
        return self._are_items and begins_line(self.tokens, one)

    @cached_property
    def _are_items(self) -> bool:
        return len({one.option for one in self.mentions if one.letter and begins_line(self.tokens, one)}) > 1

    def _is_text(self, at: int) -> bool:
        """Whether a token is of an option's text: "the right" confirms nothing where "right" is an option."""
        return at in self._texts

    @cached_property
    def _texts(self) -> frozenset[int]:
        return frozenset(at for one in self.mentions if one.text for at in range(one.first, one.last + 1))
