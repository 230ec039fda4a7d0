"""The models and the mathematics of the loop: no storage, no orchestration."""
