"""The parametric head: its data, and fitting it to a face.

Both the draft engine, which builds its heads on it, and the avatar tools, which fit it to heads of
any origin, stand on this package.
"""
