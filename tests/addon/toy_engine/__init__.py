"""The smallest engine there can be. The test of engines copies this folder to ``core/engines/toy``."""
