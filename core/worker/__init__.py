"""The worker: engines in a process of their own, spoken to over stdin and stdout.

:mod:`.codec` frames messages, :mod:`.protocol` names them, :mod:`.packing` turns values into
them. :mod:`.server` is the worker's side, :mod:`.client` the add-on's; :mod:`.launch` says how
the local worker is started.
"""
