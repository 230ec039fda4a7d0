"""The embedded world: pictures of a few shapes, their language, and the tiny models that live in it.

Only the foundation training and the benchmarks read a scene's truth. The loop sees pixels.
"""
