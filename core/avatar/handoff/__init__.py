"""What a base mesh needs to open elsewhere: in game engines and in VTubers' tools.

* ``vrm``: a VRM 1.0 avatar of a GLB; ``humanoid``: the bones that it wants beside a head's; ``faces``: its expressions;
  ``glb``: the container.
* ``lods``: levels of detail; ``maps``: the skin's albedo, roughness and normals.
* ``seam``: where it ends below.
"""
