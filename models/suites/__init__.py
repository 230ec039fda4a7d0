"""The benchmarks that models are scored on: one small class a suite, read from its files, asked and scored by rule."""
