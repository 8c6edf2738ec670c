"""Comparison with recorded tensors: ``python -m tests.tools.parity FOLDER [--full]``."""
