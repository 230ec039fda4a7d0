"""ViPER Loop: a vision-language model teaches itself to see better, round after round."""

__version__ = "0.1.0"
