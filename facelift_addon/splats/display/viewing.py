"""Geometry nodes that tell where the active camera is, seen from the object."""

from __future__ import annotations

import bpy

from .nodes import Builder, shared_group

VERSION = 1


def camera_group() -> bpy.types.NodeTree:
    """Return the group that describes the active camera.

    Outputs: To Camera, the matrix from the object's space to camera space (x right, y up,
    looks along -z), and To Local, its inverse; Position and Forward, the camera's centre and
    a unit step along its view in the object's space; Orthographic; Pixels per metre at 1 m
    depth (perspective) or anywhere (orthographic).
    """
    return shared_group(
        "FaceLift Camera",
        VERSION,
        (),
        (
            ("To Camera", "Matrix"),
            ("To Local", "Matrix"),
            ("Position", "Vector"),
            ("Forward", "Vector"),
            ("Orthographic", "Bool"),
            ("Pixels", "Float"),
        ),
        _camera,
    )


def _camera(builder: Builder, _sockets) -> dict:
    active = builder.node("GeometryNodeInputActiveCamera").outputs["Active Camera"]
    world = builder.node("GeometryNodeObjectInfo", {"Object": active}, transform_space="ORIGINAL").outputs
    # A camera's own scale does not change what it sees, so its matrix is made without it.
    placed = {"Translation": world["Location"], "Rotation": world["Rotation"]}
    camera_matrix = builder.node("FunctionNodeCombineTransform", placed).outputs["Transform"]
    this = builder.node("GeometryNodeSelfObject").outputs["Self Object"]
    object_matrix = builder.node("GeometryNodeObjectInfo", {"Object": this}, transform_space="ORIGINAL").outputs[
        "Transform"
    ]
    from_world = builder.node("FunctionNodeInvertMatrix", {"Matrix": camera_matrix}).outputs["Matrix"]
    to_camera = builder.node("FunctionNodeMatrixMultiply", {"Matrix": from_world, "Matrix_001": object_matrix}).outputs[
        "Matrix"
    ]
    to_local = builder.node("FunctionNodeInvertMatrix", {"Matrix": to_camera}).outputs["Matrix"]
    ahead = builder.node("FunctionNodeTransformDirection", {"Direction": (0, 0, -1), "Transform": to_local}).outputs[
        "Direction"
    ]
    info = builder.node("GeometryNodeCameraInfo", {"Camera": active}).outputs
    # The projection matrix maps half the picture's width to 1; its first entry is 2 f / width.
    projection = builder.node("FunctionNodeSeparateMatrix", {"Matrix": info["Projection Matrix"]}).outputs[
        "Column 1 Row 1"
    ]
    return {
        "To Camera": to_camera,
        "To Local": to_local,
        "Position": builder.node("FunctionNodeTransformPoint", {"Vector": (0, 0, 0), "Transform": to_local}).outputs[
            "Vector"
        ],
        "Forward": builder.vector("NORMALIZE", ahead),
        "Orthographic": info["Is Orthographic"],
        "Pixels": builder.math("MULTIPLY", projection, builder.math("MULTIPLY", _resolution(builder), 0.5)),
    }


def _resolution(builder: Builder) -> bpy.types.NodeSocket:
    """The width in pixels of the rendered picture, of whichever scene the head is in."""
    value = builder.node("ShaderNodeValue").outputs["Value"]
    driver = value.driver_add("default_value").driver
    driver.type = "SCRIPTED"
    for name, path in (("width", "render.resolution_x"), ("percentage", "render.resolution_percentage")):
        variable = driver.variables.new()
        variable.name, variable.type = name, "CONTEXT_PROP"
        variable.targets[0].context_property = "ACTIVE_SCENE"
        variable.targets[0].data_path = path
    # Plain arithmetic, which Blender evaluates without Python and so in untrusted files too.
    driver.expression = "width * percentage / 100"
    return value
