"""Run by the runtime's own Python, as a file: ``selftest.py cuda``. One small kernel on the device.

Prints one JSON object. Nothing of this project is imported: what is tested is the runtime.
"""

import importlib
import json
import sys
import time

PACKAGES = ("numpy", "scipy", "PIL", "safetensors", "transformers", "diffusers", "accelerate", "huggingface_hub")
SIZE = 256
TOLERANCE = 1e-3
"""Relative error of a float32 product; TF32 has about 3e-4."""


def main() -> int:
    """Multiply two matrices on the device named on the command line and on the CPU in float64, and compare."""
    device = sys.argv[1]
    begin = time.perf_counter()
    import torch

    torch.manual_seed(0)
    left, right = torch.randn(2, SIZE, SIZE, dtype=torch.float64)
    product = (left.float().to(device) @ right.float().to(device)).cpu().double()
    exact = left @ right
    error = float((product - exact).norm() / exact.norm())
    for name in PACKAGES:
        importlib.import_module(name)
    facts = {
        "device": device,
        "device_name": torch.cuda.get_device_name(0) if device == "cuda" else device,
        "torch": torch.__version__,
        "python": sys.version.split()[0],
        "relative_error": error,
        "seconds": round(time.perf_counter() - begin, 2),
    }
    print(json.dumps(facts))
    return 0 if error < TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
