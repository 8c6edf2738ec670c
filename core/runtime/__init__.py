"""The runtime that an engine with a setup needs: a Python of its own, outside Blender, and how it gets there.

:mod:`.probe` looks at the hardware, :mod:`.backends` chooses a build of PyTorch, :mod:`.installer`
builds the environment from the hashed lists in ``locks/``, :mod:`.environment` knows what is
installed, :mod:`.advice` turns failures into sentences, and :mod:`.setup_flow` leads a person
through all of it. Long work runs in a process of its own (:mod:`.tasks`, :mod:`.background`).

Nothing in here needs more than Blender's Python brings: it runs there before anything is installed.
"""
