"""Whether a critique says that nothing is to correct, in any of the ways in which models say it."""

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
_PLACE = (
    r"(?: here| (?:in|to|for|with|about|on|between|from) (?:(?:the|this|my|these|your|both|its) )?(?:(?:first|given|original|two) )?"
    r"(?:captions?|descriptions?|text|images?|pictures?|photos?|paintings?|scenes?|them|it))?"
)
_CAPTION = r"(?:(?:the|this|my|your|that|given)(?: (?:first|given|original|provided|current|image|initial))? (?:caption|description)|it|this|that)"
_EVERYTHING = r"(?:everything|all|all (?:of )?the details|all details|every detail)"
_WELL = r"(?:accurate|correct|right|fine|perfect|good|faithful|true|complete|precise|exact|valid|ok|okay|well|flawless|error-free|consistent)"
_VERY = (
    r"(?:(?:already|completely|fully|entirely|perfectly|quite|very|totally|indeed|all|factually|also|still|both) )*+"
)
_SURELY = r"(?:accurately|correctly|faithfully|fully|perfectly|well|exactly|precisely|completely)"
_NOT_ANY = r"(?:do not|don't|cannot|can not|can't|could not|couldn't|did not|didn't)"
_KIND = (
    r"(?:(?:further|more|other|additional|major|visible|significant|obvious|noticeable|such|real|apparent|factual) )*+"
)
_NOTHING = re.compile(
    rf"(?:there(?:'s| is| was) |(?:i|we) (?:see|find|found|have) )?(?:absolutely |really )?nothing(?: else| more| further| at all)?"
    rf"(?: (?:that )?(?:needs|has|is|must|should|to|requires)(?: to)?(?: be)?)?(?: (?:wrong|missing|incorrect|inaccurate|{_MEND}))?{_PLACE}"
    rf"|(?:there (?:is|are|was|were) |(?:i|we) (?:see|find|found|notice|noticed|detect|have|spot|spotted) "
    rf"|(?:{_CAPTION} )?(?:needs|requires|has|contains|need) |the (?:two )?images (?:have|show) )?(?:absolutely )?(?:no|zero) {_KIND}"
    rf"{_THING}(?: (?:or|and) {_THING})?(?: (?:is|are|was|were|seem|have to be))?"
    rf"(?: (?:needed|necessary|required|found|detected|identified|present|visible|seen|warranted|apparent|made"
    rf"|to be (?:made|found)|to make|to report|to {_MEND}))?{_PLACE}"
    rf"|(?:i|we) {_NOT_ANY} (?:see|find|notice|detect|spot) (?:any {_KIND}{_THING}|anything(?: wrong| missing| to {_MEND})?)"
    rf"(?: to (?:make|{_MEND}))?{_PLACE}"
    rf"|there (?:isn't|is not|aren't|are not) (?:anything(?: wrong| to {_MEND}| missing)?|any {_KIND}{_THING}(?: (?:needed|necessary|required|to make))?){_PLACE}"
    rf"|(?:there(?:'s| is) )?no need (?:to {_MEND} (?:anything|it|the caption)|for (?:any )?{_THING})"
    rf"|(?:{_CAPTION}|{_EVERYTHING})(?: in the caption)? (?:is|was|seems|appears|looks|are|look)(?: to be)? {_VERY}{_WELL}"
    rf"(?: as (?:it is|is|written|it stands|given))?{_PLACE}"
    rf"|(?:all |looks )?{_VERY}{_WELL}(?: as (?:it is|is|written))?"
    rf"|{_CAPTION} {_VERY}(?:{_SURELY} )?(?:describes|matches|reflects|captures|represents|depicts|fits|agrees with) (?:the|this) "
    rf"(?:(?:first|given|original) )?(?:image|picture|photo|scene)(?: {_SURELY})?"
    rf"|(?:the |both |these )?(?:two )?(?:images|pictures|photos)(?: (?:are|look) {_VERY}(?:identical|the same|alike)| match(?: {_SURELY})?)"
    rf"|{_CAPTION} (?:does not|doesn't) (?:need|require) (?:(?:any )?{_THING}|to be {_MEND}|anything|{_MEND})"
    rf"|(?:i|we) (?:would not|wouldn't) {_MEND} (?:anything|a thing)|(?:keep|leave) (?:it|the caption) as (?:it )?is"
    r"|none(?: (?:is |are )?(?:needed|necessary|required|found))?|n/?a|not applicable",
    re.IGNORECASE,
)
_AROUND = re.compile(
    r"(?:after|upon|on|having|when|based on|by|in)? ?(?:closely |carefully )?(?:compar|look|inspect|review|examin|check)\w{0,8}"
    r"(?: \w{1,12}){0,8}|based on (?:the|this) (?:image|picture)s?"
    r"|(?:the |my )?(?:correct |final )?(?:answer|response|result|verdict|conclusion|corrections?|refinements?|edits?)(?: (?:is|are|would be))?"
    r"|yes|no|well|overall|in short|in summary|in conclusion|therefore|thus|hence|indeed|so|i think|i believe",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    r"[,;:–—](?:\s|$)|\s-\s|\(|\)|\b(?:and|so|therefore|thus|hence|as|since|because|which means|i think|i believe)\b(?: that\b)?",
    re.IGNORECASE,
)
_MAX_CHARS = 400


def says_nothing(refinements: str) -> bool:
    """Whether a critique as a whole says that nothing must be corrected; empty text says nothing of the kind."""
    statements = read_statements(refinements)
    return bool(statements) and all(map(_is_nothing, statements))


def _is_nothing(sentence: str) -> bool:
    plain = " ".join(sentence.replace("’", "'").strip(" \"'“”‘’.!…。！").split())
    if _NOTHING.fullmatch(plain):
        return True
    if len(plain) > _MAX_CHARS:
        return False
    clauses = [clause.strip(" \"'“”‘’.!") for clause in _BETWEEN.split(plain)]
    said = [clause for clause in clauses if clause and not _AROUND.fullmatch(clause)]
    return bool(said) and all(map(_NOTHING.fullmatch, said))
