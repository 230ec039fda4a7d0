"""How large models are, and how long they take, by arithmetic on their descriptions: no weight is read.

descriptions   where a model's small files are: its folder, the hub's cache, or the published ones that are kept here
weights        parameters and bytes of a model or of each component of a pipeline
language       what of a vision-language model decides its memory and its time
pictures       tokens that a picture costs
memory         bytes of a step with a vision-language model: weights, optimizer, activations, cache
painting       the same of painters, editors and judges
cards          memory and speed of published accelerators
seconds        time by arithmetic, where nothing was measured
"""
