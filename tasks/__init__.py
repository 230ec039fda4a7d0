"""The steps of a round as Prefect tasks: thin, retried, keyed, each ending in one artifact of the store."""
