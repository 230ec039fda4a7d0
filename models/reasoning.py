r"""What a model wrote while it reasoned, cut off: only what it says to the reader is read.

Each family of models marks its reasoning in its own way: ``<think>`` (Qwen, DeepSeek, InternVL, GLM-V), ``<thinking>``,
``<thought>``, ``<reasoning>``, ``<analysis>`` (Keye-VL), ``[THINK]`` (Magistral), ``◁think▷`` (Kimi-VL),
``<seed:think>``, ``<|begin_of_thought|>`` (Sky-T1), ``<|START_THINKING|>`` (Cohere), channels (gpt-oss, Gemma),
Granite's sentences.
"""

import re

_NAMES = (
    "think|thinking|thought|thoughts|reason|reasoning|reflection|rationale|analysis|scratchpad|cot|summary|caption|"
    "antthinking|inner_monologue|reasoning_scratchpad|longcat_think|ds_thinking|seed:think|seed:cot_budget_reflect"
)
_OPEN = re.compile(
    rf"[<\[◁]\|?(?:{_NAMES})(?:\s[^<>\[\]◁▷]{{0,80}})?\|?[>\]▷]"
    r"|<\|?(?:begin|start)_?of_?(?:thought|thinking|think|reasoning)\|?>|<\|?start_thinking\|?>"
    r"|<\|?channel\|?>\s*(?:analysis|commentary|thought)|<unused94>|here(?:'s| is) my thought process:",
    re.IGNORECASE,
)
_CLOSE = re.compile(
    rf"[<\[◁]\|?/\|?(?:{_NAMES})\|?[>\]▷]|[<\[◁]\|?end_?(?:of_)?(?:thought|thinking|think|reasoning)\|?[>\]▷]"
    r"|<\|?channel\|?>\s*final\s*(?:<\|message\|>)?|<channel\|>|<unused95>|here(?:'s| is) my response:|assistantfinal",
    re.IGNORECASE,
)
_TAG = re.compile(rf"(?P<open>{_OPEN.pattern})|(?P<close>{_CLOSE.pattern})", re.IGNORECASE)
_SIGNS = re.compile(r"[<\[◁]|assistantfinal|my (?:thought process|response):", re.IGNORECASE)
"""One of these stands in every tag: most replies have none, and are not searched further."""

_ANSWERS = (
    "answer|ans|final|conclusion|response|solution|choice|result|output|prediction|selection|selected_option|"
    "(?:final|correct|best|my)[_ -]?(?:answer|choice|option)|answer[_ -]?(?:letter|choice|option)"
)
ANSWER_TAG = (
    rf"[<\[](?:{_ANSWERS})[>\]]"
    r"|<\|(?:begin_of_box|begin_of_solution|start_response)\|>"
)
"""Pattern of the tags that announce an answer, whatever the case."""
ANSWER_END = (
    rf"[<\[]/(?:{_ANSWERS})[>\]]"
    r"|<\|(?:end_of_box|end_of_solution|end_response|return|end|im_end|eot_id)\|>"
)
_ANSWER = re.compile(ANSWER_TAG, re.IGNORECASE)
_ANSWER_END = re.compile(ANSWER_END, re.IGNORECASE)
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s*\{")
_BRACE = re.compile(r"[{}]")
_STYLE = re.compile(r"\\(?:text|math|rm|bf|mbox)\w*\s*(?=[{ ])|[{}]")


def strip_reasoning(reply: str) -> str:
    """The reply without its reasoning.

    A thought that never ends is all reasoning, but for an answer that is tagged in it; one that only ends was begun by
    the prompt, and everything before its end is reasoning.
    """
    if not _SIGNS.search(reply):
        return reply.strip()
    kept: list[str] = []
    start, thinking = 0, False
    for tag in _TAG.finditer(reply):
        if tag["open"] and not thinking:
            kept.append(reply[start : tag.start()])
            thinking = True
        elif tag["close"]:
            if not thinking:
                kept.clear()
            start, thinking = tag.end(), False
        if thinking:
            start = tag.end()
    if thinking:
        answers = list(_ANSWER.finditer(reply, start))
        start = answers[-1].start() if answers else len(reply)
    kept.append(reply[start:])
    return " ".join(part for part in (part.strip() for part in kept) if part)


def final_part(text: str) -> str:
    r"""The inside of the last answer tag or ``\boxed{}`` of a reply without reasoning; if it has none, the reply."""
    if answers := list(_ANSWER.finditer(text)):
        start = answers[-1].end()
        end = _ANSWER_END.search(text, start)
        text = text[start : end.start() if end else len(text)]
    if boxes := list(_BOX.finditer(text)):
        text = _STYLE.sub("", _balanced(text, boxes[-1].end()))
    return text.strip()


def _balanced(text: str, start: int) -> str:
    """From ``start`` to the brace that closes the one before it, or to the end."""
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return text[start : brace.start()]
    return text[start:]
