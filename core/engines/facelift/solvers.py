"""Steps through the diffusion's time: the reference's DDIM and a faster second-order solver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import DDIMScheduler

from .draws import Draws
from .gslrm import Observer, observe_nothing


class DDIM:
    """The reference's solver (FaceLift specification, section 8).

    Args:
        config: The checkpoint's scheduler configuration.
        steps: Number of steps.
        eta: Share of stochastic noise, 0..1.
        draws: The photo's random numbers; one draw a step when eta > 0, the last step included.
        observe: Looks at the draws.
    """

    def __init__(
        self, config: Mapping[str, Any], steps: int, eta: float, draws: Draws, observe: Observer = observe_nothing
    ) -> None:
        self.scheduler = DDIMScheduler.from_config(dict(config))
        self.scheduler.set_timesteps(steps)
        self.eta, self.draws, self.observe = eta, draws, observe
        self._done = 0

    @property
    def timesteps(self) -> list[int]:
        """The timesteps, descending."""
        return self.scheduler.timesteps.tolist()

    def step(self, prediction: torch.Tensor, timestep: int, latents: torch.Tensor) -> torch.Tensor:
        """Return the latents [V, 4, h, w] after one step with the guided prediction of the model."""
        noise = None
        if self.eta > 0:
            noise = self.draws.normal(*latents.shape)
            # Draws 0 and 1 are the embedding's noise and the initial latents.
            self.observe(f"rng/draw{self._done + 2}_variance_noise_step{self._done}", noise)
            noise = noise.to(latents)
        self._done += 1
        return self.scheduler.step(prediction, timestep, latents, eta=self.eta, variance_noise=noise).prev_sample


class DPMSolver:
    """DPM-Solver++ of second order (Lu et al. 2022, arXiv 2211.01095): deterministic, for 20 to 25 steps.

    Args:
        config: The checkpoint's scheduler configuration.
        steps: Number of steps.
    """

    def __init__(self, config: Mapping[str, Any], steps: int) -> None:
        # Here, because it loads scipy's statistics: a second that the usual preset need not wait.
        from diffusers import DPMSolverMultistepScheduler

        # Steps even in log-SNR: even in time, the last ones are so coarse that the order is lost.
        self.scheduler = DPMSolverMultistepScheduler.from_config(
            dict(config), algorithm_type="dpmsolver++", solver_order=2, use_lu_lambdas=True, lower_order_final=True
        )
        self.scheduler.set_timesteps(steps)

    @property
    def timesteps(self) -> list[int]:
        """The timesteps, descending."""
        return self.scheduler.timesteps.tolist()

    def step(self, prediction: torch.Tensor, timestep: int, latents: torch.Tensor) -> torch.Tensor:
        """Return the latents [V, 4, h, w] after one step with the guided prediction of the model."""
        return self.scheduler.step(prediction, timestep, latents).prev_sample


Solver = DDIM | DPMSolver
