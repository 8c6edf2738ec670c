"""Operators: they read the context, call the session or the splats, and report."""
