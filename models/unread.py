"""What the text encoders of painter and editor do not read of a text: nobody can tell from pictures if it is right."""

from models.payloads import FittedText
from models.sentences import split_sentences

NOT_PAINTED = "not read by the painter"
"""Of a correction, or of "nothing to correct": it is neither right nor wrong."""
NOT_EDITED = "not read by the editor"
"""Of an edit: it is not made, since its picture would show less than its operations say."""


def unread(text: str, fitted: FittedText) -> tuple[str, ...]:
    """What a model does not read of a text, sentence by sentence.

    Args:
        text: The whole.
        fitted: What the model reads of it.
    """
    if not fitted.is_shortened:
        return ()
    sentences = split_sentences(text)
    rest = tuple(sentences[len(sentences) - fitted.left_out :])
    return (sentences[0].removeprefix(fitted.text).lstrip(), *rest) if fitted.cut else rest
