#!/usr/bin/env python3
"""Makes tests/golden/state_zip.pth and state_legacy.pth, one state dict as PyTorch saves it in both its forms, and
state.safetensors, what a reader must find there.

usage: make_golden_pth.py [DIR]     needs torch and safetensors (PyPI); run by hand, never by a test
"""
import sys

import torch
from safetensors.torch import save_file

if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else "."
    torch.manual_seed(1)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, (2, 3), bias=False), torch.nn.BatchNorm2d(4))
    state = net.state_dict(keep_vars=True)  # an OrderedDict with _metadata, of parameters
    base = torch.randn(4, 5)
    state["physically_hwio"] = torch.randn(2, 3, 4, 5).permute(3, 2, 0, 1)
    state["transposed"], state["part"], state["expanded"] = base.T, base[1:3, 2:], torch.randn(3, 1).expand(3, 2)
    state["scalar"], state["empty"] = torch.tensor(2.5), torch.zeros(0, 3)
    for dtype in (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8,
                  torch.bool):
        state[str(dtype).split(".")[1]] = (torch.arange(6).reshape(2, 3) - (0 if dtype == torch.uint8 else 3)).to(dtype)
    torch.save(state, f"{folder}/state_zip.pth")
    torch.save(state, f"{folder}/state_legacy.pth", _use_new_zipfile_serialization=False)
    small = (torch.float16, torch.bfloat16)
    whole = (torch.int32, torch.int16, torch.int8)
    expected = {k: v.detach().float() if v.dtype in small else v.long() if v.dtype in whole
                else v.byte() if v.dtype == torch.bool else v.detach() for k, v in state.items()}
    save_file({k: v.clone(memory_format=torch.contiguous_format).contiguous() for k, v in expected.items()},
              f"{folder}/state.safetensors", metadata={"torch": torch.__version__})
    print(len(expected), "tensors")
