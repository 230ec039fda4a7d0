"""Makes torchvision importable beside a CPU build of torch: `make vllm` copies this as sitecustomize.

PyPI's torchvision is a CUDA build, whose operators do not load beside a CPU build of torch. Images are read and resized
without them; but torchvision registers shapes for them when it is imported, and fails. Here that one module is empty.
"""

import sys
from importlib.machinery import ModuleSpec


class _Operators:
    """Finds an empty module in place of ``torchvision._meta_registrations``, and declares the operator asked for."""

    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name == "torchvision._meta_registrations" else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        import torch

        module.nms = torch.library.Library("torchvision", "DEF")
        module.nms.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


sys.meta_path.insert(0, _Operators())
