"""The story of the loop as Prefect flows. Read ``evolve`` first, then ``round``."""
