"""Comparison with recorded tensors: ``python -m core.engines.facelift.parity FOLDER [--full]``."""
