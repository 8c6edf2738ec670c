"""Running something in another process: with progress, cancelling, errors and a log, over stdin and stdout.

The one way to do it. The worker (:mod:`core.worker`) serves engines with it, the setup
(:mod:`core.runtime.tasks`) does its long work with it, one process for each task.

:mod:`.codec` frames messages, :mod:`.protocol` names them. :mod:`.server` is the side of the other
process, :mod:`.client` ours: it holds a :mod:`.connection` to a :mod:`.process` that is started as
:mod:`.launch` says. :mod:`.lifetime` and :mod:`.group` see to it that nothing is left behind.

Nothing in here needs more than Python's own library, but for arrays in messages: some of the processes run in a bare
Python.
"""
