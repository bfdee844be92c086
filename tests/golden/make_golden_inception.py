#!/usr/bin/env python3
"""Makes tests/golden/inception.safetensors: what Inception-v3's FID variant makes of a few images in torch-fidelity, float64.

usage: make_golden_inception.py [DIR]     needs torch, numpy, pillow, safetensors, torch-fidelity and clean-fid (PyPI);
       run by hand, never by a test
Weights and images are not stored: element i of a tensor is a word of Philox4x32-10, block i / 4, word i % 4, whose key is the
FNV-1a hash of the tensor's name; tests/measures/random_inception.h makes the same. The file holds for images NAME:
  PIPELINE.NAME.input     the network's input, every 23rd row and 29th column, as each program makes it
  PIPELINE.NAME.2048      its features, and of torch-fidelity's pipeline 64, 192, 768, logits and logits_unbiased too
"""
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F
from cleanfid.resize import make_resizer
from safetensors.torch import save_file
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x as tensorflow1

IMAGES = {"rgb": (2, 40, 32, 3), "grey": (1, 28, 28, 1), "large": (1, 310, 431, 3)}


def words(name, n):
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    mask, blocks = np.uint64(0xFFFFFFFF), np.arange((n + 3) // 4, dtype=np.uint64)
    c = [blocks & mask, blocks >> np.uint64(32), np.zeros_like(blocks), np.zeros_like(blocks)]
    for r in range(10):
        k0 = np.uint64(((seed & 0xFFFFFFFF) + r * 0x9E3779B9) & 0xFFFFFFFF)
        k1 = np.uint64(((seed >> 32) + r * 0xBB67AE85) & 0xFFFFFFFF)
        a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(b >> np.uint64(32)) ^ c[1] ^ k0, b & mask, (a >> np.uint64(32)) ^ c[3] ^ k1, a & mask]
    return np.stack(c, 1).reshape(-1)[:n].astype(np.uint32)


def weight(name, shape):
    """Such that the activations neither die nor explode."""
    u = (words(name, int(np.prod(shape))) >> np.uint32(8)) * 2.0**-24  # [0, 1)
    if name.endswith((".bn.weight", ".bn.running_var")):
        v = 0.5 + u
    elif name.endswith((".conv.weight", "fc.weight")):
        v = (2 * u - 1) * np.sqrt(6 / np.prod(shape[1:]))
    else:
        v = 0.2 * u - 0.1
    return torch.from_numpy(v.astype(np.float32).reshape(shape))


def image(name):
    shape = IMAGES[name]
    return torch.from_numpy((words(name, int(np.prod(shape))) & 255).astype(np.uint8).reshape(shape)).permute(0, 3, 1, 2)


def network_input(pipeline, x):
    x = x.float()
    if pipeline == "torch-fidelity":
        return (tensorflow1(x, size=(299, 299), align_corners=False) - 128) / 128
    if pipeline == "pytorch-fid":
        return 2 * F.interpolate(x / 255, size=(299, 299), mode="bilinear", align_corners=False) - 1
    resizer = make_resizer("PIL", False, "bicubic", (299, 299))
    return (torch.stack([torch.from_numpy(resizer(i.permute(1, 2, 0).numpy())).permute(2, 0, 1) for i in x]) - 128) / 128


def run(net, x):
    out = {}
    for block in ("Conv2d_1a_3x3 Conv2d_2a_3x3 Conv2d_2b_3x3 MaxPool_1 Conv2d_3b_1x1 Conv2d_4a_3x3 MaxPool_2 Mixed_5b Mixed_5c "
                  "Mixed_5d Mixed_6a Mixed_6b Mixed_6c Mixed_6d Mixed_6e Mixed_7a Mixed_7b Mixed_7c").split():
        x = getattr(net, block)(x)
        key = {"MaxPool_1": "64", "MaxPool_2": "192", "Mixed_6e": "768", "Mixed_7c": "2048"}.get(block)
        if key:
            out[key] = x.mean((2, 3))
    out["logits_unbiased"] = out["2048"] @ net.fc.weight.T
    out["logits"] = out["logits_unbiased"] + net.fc.bias
    return out


if __name__ == "__main__":
    names = ["64", "192", "768", "2048", "logits_unbiased", "logits"]
    real_load, torch.load = torch.load, lambda *a, **k: {}
    real_state, torch.nn.Module.load_state_dict = torch.nn.Module.load_state_dict, lambda self, *a, **k: None
    with tempfile.NamedTemporaryFile(suffix=".pth") as empty:
        net = FeatureExtractorInceptionV3("inception", names, feature_extractor_weights_path=empty.name)
    torch.load, torch.nn.Module.load_state_dict = real_load, real_state
    state = {k: torch.tensor(0) if k.endswith("num_batches_tracked") else weight(k, tuple(v.shape))
             for k, v in net.state_dict().items()}
    net.load_state_dict(state)
    net = net.double().eval()
    kept = {}
    with torch.no_grad():
        for pipeline in ("torch-fidelity", "pytorch-fid", "clean-fid"):
            for name in IMAGES:
                x = image(name)
                x = network_input(pipeline, x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x)
                kept[f"{pipeline}.{name}.input"] = x.permute(0, 2, 3, 1)[:, ::23, ::29]
                if name == "large":
                    continue
                found = run(net, x.double())
                print(pipeline, name, {k: (float(v.abs().mean()), float(v.std())) for k, v in found.items()})
                for key in names if pipeline == "torch-fidelity" and name == "rgb" else ["2048"]:
                    kept[f"{pipeline}.{name}.{key}"] = found[key]
    kept = {k: v.float().contiguous() for k, v in kept.items()}
    save_file(kept, f"{sys.argv[1] if len(sys.argv) > 1 else '.'}/inception.safetensors", metadata={"torch": torch.__version__})
    print(len(kept), "tensors")
