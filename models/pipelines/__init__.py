"""Pipelines of diffusers as painters (text to image) and editors (image and instruction to image).

``families.py`` is the table of how each family is called; everything else here reads it.
"""
