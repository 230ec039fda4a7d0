"""Servers with an OpenAI API that generate with the vision-language model.

servers    requests to several addresses: bounded, retried, counted
dialects   how a prompt is written down for vLLM, SGLang and others, and how an answer is read
adapters   the adapter of a champion or a step, loaded into every server
writer     the model in synthesis and benchmarks
rollouts   the model in training: token ids and their log-probabilities
checks     what is refused before any work
"""
