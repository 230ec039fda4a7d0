"""Where the tests of this folder run: on a GPU if there is one, on the CPU at tiny sizes otherwise."""

import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
ON_GPU = DEVICE == "cuda"
DTYPE = "bfloat16" if ON_GPU else "float32"
