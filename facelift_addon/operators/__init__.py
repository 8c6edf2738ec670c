"""Operators: thin wrappers that read the context, call the session or the splats, and report."""
