r"""LaTeX as people read it: ``60^\circ`` is "60°", ``\frac{1}{4}`` is "1/4"."""

import re

_WRITTEN = (
    (re.compile(r"\\(?:text|math)(?:rm|bf|it|sf|normal)?\s*\{([^{}\\]{1,60})\}"), r"\1"),
    (re.compile(r"\\(?:text)?color\s*\{[^{}]{0,40}\}"), ""),
    (
        re.compile(r"\\[dtc]?frac\s*(?:\{([^{}]{1,40})\}|([0-9a-z]))\s*(?:\{([^{}]{1,40})\}|([0-9a-z]))"),
        r"\1\2/\3\4",
    ),
    (re.compile(r"\\sqrt\s*(?:\{([^{}]{1,40})\}|([0-9a-z]))"), r"√\1\2"),
    (re.compile(r"\s?\^\s?\{?\s?\\(?:circ|degree)\b\s?\}?|\\degree\b"), "°"),
    (re.compile(r"\^\{(\w{1,9})\}"), r"^\1"),
    (re.compile(r"(?<=\d)\{,\}(?=\d)"), ","),
    (re.compile(r"\\([%$])"), r"\1"),
    *(
        (re.compile(rf"\\{name}(?![a-z])\s?"), sign)
        for name, sign in {"times": "×", "cdot": "·", "pi": "π", "pm": "±", "leq?": "≤", "geq?": "≥", "mu": "μ"}.items()
    ),
)


def without_latex(text: str) -> str:
    """The text with its signs, fractions, roots and colored letters as they are printed."""
    for pattern, printed in _WRITTEN:
        text = pattern.sub(printed, text)
    return text
