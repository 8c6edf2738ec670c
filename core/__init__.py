"""FaceLift's core: from one portrait photo to 3D Gaussians, without Blender.

Nothing in here imports ``bpy``: the same code runs in Blender's Python, in the worker
process, on a server and in a notebook. Imports inside the package are relative, because
Blender installs it as a subpackage of the extension.
"""
