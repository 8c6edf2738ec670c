"""Splats that an optimiser moves within bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...gaussians import Gaussians
from .bounds import Bounds


class Movable:
    """Gaussians as they are, and how far each of their values has gone, in shares -1..1 of what it may.

    So all kinds of values have the same unit, and one rate of learning does. Those that may go farther one way than the
    other count by the farther one.

    Args:
        gaussians: The splats to begin with.
        bounds: How far they may go.
        device: Where to compute.
    """

    def __init__(self, gaussians: Gaussians, bounds: Bounds, device: torch.device) -> None:
        def tensor(values: np.ndarray) -> torch.Tensor:
            return torch.tensor(values, dtype=torch.float32, device=device)

        def share(*shape: int) -> torch.Tensor:
            return torch.zeros(shape, device=device, requires_grad=True)

        self._gaussians, count = gaussians, len(gaussians)
        self._means, self._scales, self._rotations, self._opacities, self._sh = (
            tensor(getattr(gaussians, name)) for name in ("means", "scales", "rotations", "opacities", "sh")
        )
        self._travel, self._turn = tensor(bounds.travel)[:, None], bounds.turn
        both = {name: tensor(getattr(bounds, name)) for name in ("scales", "colors", "opacities")}
        # One unit for both ways: where one is shut, the slope still leads the other.
        self._room = {name: ways.amax(dim=0) for name, ways in both.items()}
        self._ends = {name: ways / self._room[name].clamp(min=1e-12) for name, ways in both.items()}
        self._balls = {"means": share(count, 3), "turns": share(count, 3)}
        self._boxes = {"scales": share(count, 3), "colors": share(count, 3), "opacities": share(count)}

    @property
    def shares(self) -> list[torch.Tensor]:
        """What the optimiser changes."""
        return [*self._balls.values(), *self._boxes.values()]

    def arguments(self) -> dict[str, Any]:
        """Return what ``gsplat.rasterization`` takes of the splats as they are now, with gradients."""
        sh = self._sh.clone()
        sh[:, 0] = sh[:, 0] + self._gone("colors")
        return {
            "means": self._means + self._travel * self._balls["means"],
            "quats": _turned(self._rotations, self._turn * self._balls["turns"]),
            "scales": self._scales * self._gone("scales").exp(),
            "opacities": self._opacities + self._gone("opacities"),
            "colors": sh,
            "sh_degree": self._gaussians.sh_degree,
        }

    def mend_gradients(self) -> None:
        """Take gradients that are no numbers for 0: splats seen from their edge may have some."""
        for share in self.shares:
            if share.grad is not None:
                share.grad.nan_to_num_(0, 0, 0)

    def keep_within(self) -> None:
        """Bring back what has gone too far."""
        with torch.no_grad():
            for ball in self._balls.values():
                ball /= ball.norm(dim=1, keepdim=True).clamp(min=1)
            for name, box in self._boxes.items():
                down, up = self._ends[name]
                box.clamp_(-down, up)

    def gaussians(self) -> Gaussians:
        """Return the splats as they are now."""
        with torch.no_grad():
            now = {name: values.cpu().numpy() for name, values in self.arguments().items() if name != "sh_degree"}
        return self._gaussians.replace(
            means=now["means"],
            scales=now["scales"],
            rotations=now["quats"],
            opacities=now["opacities"],
            sh=now["colors"],
        )

    def _gone(self, name: str) -> torch.Tensor:
        return self._boxes[name] * self._room[name]


def _turned(rotations: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Return unit quaternions [N, 4], w first, turned around their local axes by rotation vectors [N, 3], radians."""
    length = torch.sqrt((turns * turns).sum(dim=1, keepdim=True) + 1e-12)
    w, (x, y, z) = torch.cos(length / 2)[:, 0], (torch.sin(length / 2) / length * turns).unbind(1)
    aw, ax, ay, az = torch.nn.functional.normalize(rotations, dim=1).unbind(1)
    product = [
        aw * w - ax * x - ay * y - az * z,
        aw * x + ax * w + ay * z - az * y,
        aw * y - ax * z + ay * w + az * x,
        aw * z + ax * y - ay * x + az * w,
    ]
    return torch.stack(product, dim=1)
