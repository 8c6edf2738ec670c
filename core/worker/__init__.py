"""The worker: engines in a process of their own (:mod:`core.processes`).

:mod:`.server` is the worker's side and has its work done in :mod:`.lanes`; :mod:`.client` is the
add-on's side. :mod:`.packing` turns values into messages; :mod:`.launch` says how a worker is started.
"""
