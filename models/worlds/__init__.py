"""Kinds of pictures and all that belongs to each: prompts, pool, suites, rules of its language."""
