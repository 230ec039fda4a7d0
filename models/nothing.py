"""Whether a critique says that nothing is to correct, in the common ways in which models say it.

Every statement of the reply, and every clause of it, must say so: "Nothing to correct except the color" corrects.
"""

import re

from models.written import read_statements

_THING = (
    r"(?:corrections?|changes?|refinements?|edits?|improvements?|revisions?|modifications?|adjustments?|additions?|errors?"
    r"|mistakes?|issues?|differences?|discrepanc(?:y|ies)|inaccurac(?:y|ies)|updates?|problems?)"
)
_MEND = (
    r"(?:correct(?:ed|ing|ion)?|chang(?:e|ed|ing)|fix(?:ed|ing)?|add(?:ed|ing)?|refin(?:e|ed|ing)|improv(?:e|ed|ing)"
    r"|revis(?:e|ed|ing)|edit(?:ed|ing)?|adjust(?:ed|ing)?|modif(?:y|ied|ying)|report|mention|note|updat(?:e|ed|ing))"
)
_ORIGINAL = r"(?:(?:first|given|original|provided|current|initial|two|painted) )?"
_PLACE = (
    rf"(?: here| (?:in|to|for|with|about|on|between|from) (?:(?:the|this|my|these|your|both|its) )?{_ORIGINAL}"
    r"(?:captions?|descriptions?|text|images?|pictures?|photos?|paintings?|scenes?|them|it))?"
    r"(?: at (?:this|the) (?:time|point|moment|stage))?"
)
_CAPTION = rf"(?:(?:the|this|my|your|that) {_ORIGINAL}(?:caption|description)|it|this|that)"
_ALL = r"(?:everything|all|all (?:of )?the details|all details|every detail)"
_RIGHT = (
    r"(?:accurate|correct|right|fine|perfect|good|faithful|true|complete|precise|exact|valid|ok|okay|well|flawless"
    r"|error-free|consistent)"
)
_VERY = (
    r"(?:(?:already|completely|fully|entirely|perfectly|quite|very|totally|indeed|all|factually|also|still|both) )"
    r"{0,3}"
)
_WELL = r"(?:accurately|correctly|faithfully|fully|perfectly|well|exactly|precisely|completely)"
_SUCH = r"(?:(?:further|more|other|additional|major|visible|significant|obvious|noticeable|such|real|apparent) ){0,3}"
_NOT = r"(?:do not|don't|cannot|can not|can't|could not|couldn't|did not|didn't)"
_AS_IT_IS = r"(?: as (?:it is|is|written|it stands|given))?"
_WAYS = (
    rf"(?:there(?:'s| is| was) |(?:i|we) (?:see|find|found|have) )?(?:absolutely |really )?nothing"
    rf"(?: else| more| further| at all)?(?:(?: (?:that )?(?:needs|has|is|must|should|to|requires)(?: to)?(?: be)?)?"
    rf" (?:wrong|missing|incorrect|inaccurate|{_MEND}))?{_PLACE}",
    rf"(?:there (?:is|are|was|were) |(?:i|we) (?:see|find|found|notice|noticed|detect|have|spot|spotted) "
    rf"|(?:{_CAPTION} )?(?:needs|requires|has|contains|need) |the (?:two )?images (?:have|show) )?"
    rf"(?:absolutely )?(?:no|zero) {_SUCH}{_THING}(?: (?:or|and) {_THING})?(?: (?:is|are|was|were|seem|have to be))?"
    rf"(?: (?:needed|necessary|required|found|detected|identified|present|visible|seen|warranted|apparent|made"
    rf"|to be (?:made|found)|to make|to report|to {_MEND}))?{_PLACE}(?: to {_MEND})?",
    rf"(?:i|we) {_NOT} (?:see|find|notice|detect|spot)"
    rf" (?:any {_SUCH}{_THING}|anything(?: wrong| missing| to {_MEND})?)(?: to (?:make|{_MEND}))?{_PLACE}",
    rf"there (?:isn't|is not|aren't|are not) (?:anything(?: wrong| to {_MEND}| missing)?"
    rf"|any {_SUCH}{_THING}(?: (?:needed|necessary|required|to make))?){_PLACE}",
    rf"(?:there(?:'s| is) )?no need (?:to {_MEND} (?:anything|it|the caption)|for (?:any )?{_THING})",
    rf"(?:{_CAPTION}|{_ALL})(?: in the caption)? (?:is|was|seems|appears|looks|are|look)(?: to be)? {_VERY}{_RIGHT}"
    rf"{_AS_IT_IS}{_PLACE}",
    rf"(?:all |looks )?{_VERY}{_RIGHT}{_AS_IT_IS}(?: to me)?",
    rf"{_CAPTION} (?:provides|gives|offers|is) an? {_VERY}{_RIGHT} (?:description|account|depiction|representation) of"
    rf" (?:the|this) {_ORIGINAL}(?:image|picture|photo|scene)",
    rf"{_ALL} (?:matches|match|fits|fit)(?: {_WELL})?",
    rf"(?:{_CAPTION}|the (?:painted |reconstructed )?(?:painting|image|picture)) {_VERY}(?:{_WELL} )?"
    r"(?:describes|matches|reflects|captures|represents|depicts|fits|agrees with)"
    rf" (?:the|this) {_ORIGINAL}(?:image|picture|photo|scene)(?: {_WELL})?",
    rf"(?:the |both |these )?(?:two )?(?:images|pictures|photos)"
    rf"(?: (?:are|look) {_VERY}(?:identical|the same|alike)| match(?: {_WELL})?)",
    rf"(?:{_CAPTION} )?(?:does not|doesn't) (?:need|require) (?:(?:any )?{_THING}|to be {_MEND}|anything|{_MEND})",
    rf"(?:i|we) (?:would not|wouldn't) {_MEND} (?:anything|a thing)",
    r"(?:keep|leave) (?:it|the caption) as (?:it )?is",
    r"none(?: (?:is |are )?(?:needed|necessary|required|found))?|n/?a|not applicable",
)
_NOTHING = re.compile("|".join(_WAYS), re.IGNORECASE)
_AROUND = re.compile(
    r"(?:after|upon|on|having|when|based on|by|in)? ?(?:a |the |this )?(?:(?:close|closer|careful|further)(?:ly)? )?"
    r"(?:compar|look|inspect|review|examin|check)\w{0,8}(?: \w{1,12}){0,8}"
    r"|based on (?:the|this) (?:image|picture)s?|(?:the |my )?(?:correct |final )?"
    r"(?:answer|response|result|verdict|conclusion|corrections?|refinements?|edits?)(?: (?:is|are|would be))?"
    r"|yes|no|well|overall|in short|in summary|in conclusion|therefore|thus|hence|indeed|so|i think|i believe",
    re.IGNORECASE,
)
"""Clauses that may stand beside one that says nothing."""
_BETWEEN = re.compile(
    r"[,;:–—](?:\s|$)|\s-\s|\(|\)"
    r"|\b(?:and|so|therefore|thus|hence|as|since|because|which means|i think|i believe)\b(?: that\b)?",
    re.IGNORECASE,
)
_AT_EDGES = re.compile(r"^[^\w?？]+|[^\w?？]+$")
"""Marks, quotes, emoji; a question is no statement."""
_IS = re.compile(r"(?<=\bit)'s\b|(?<=\bthat)'s\b|(?<=\bthere)'s\b|(?<=\beverything)'s\b", re.IGNORECASE)
_MAX_CHARS = 400
"""Longer statements say something."""


def says_nothing(refinements: str) -> bool:
    """Whether a critique as a whole says that nothing must be corrected; empty text says nothing of the kind."""
    statements = read_statements(refinements)
    return bool(statements) and all(map(_is_nothing, statements))


def _is_nothing(sentence: str) -> bool:
    if len(sentence) > _MAX_CHARS:
        return False
    plain = " ".join(_AT_EDGES.sub("", sentence.replace("’", "'")).split())
    plain = _IS.sub(" is", plain)
    if _NOTHING.fullmatch(plain):
        return True
    clauses = [_AT_EDGES.sub("", clause) for clause in _BETWEEN.split(plain)]
    said = [clause for clause in clauses if clause and not _AROUND.fullmatch(clause)]
    return bool(said) and all(map(_NOTHING.fullmatch, said))
