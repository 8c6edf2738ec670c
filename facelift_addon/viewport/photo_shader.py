"""The shader of the photo beside its head.

A texture of an image gives linear light, and what is drawn over a view is encoded for the screen when it is written.
Blender's own image shader of 5.2 decodes it in between and shows the photo too dark.
"""

from __future__ import annotations

import gpu

_VERTEX = """
void main() {
  place = texCoord;
  gl_Position = ModelViewProjectionMatrix * vec4(pos, 0.0, 1.0);
}
"""
_FRAGMENT = """
void main() {
  result = texture(image, place);
}
"""

_compiled: list[gpu.types.GPUShader] = []


def photo_shader() -> gpu.types.GPUShader:
    """Return the shader that draws ``image`` at ``pos`` and ``texCoord``."""
    if not _compiled:
        varyings = gpu.types.GPUStageInterfaceInfo("facelift_photo")
        varyings.smooth("VEC2", "place")
        info = gpu.types.GPUShaderCreateInfo()
        info.vertex_in(0, "VEC2", "pos")
        info.vertex_in(1, "VEC2", "texCoord")
        info.vertex_out(varyings)
        info.push_constant("MAT4", "ModelViewProjectionMatrix")
        info.sampler(0, "FLOAT_2D", "image")
        info.fragment_out(0, "VEC4", "result")
        info.vertex_source(_VERTEX)
        info.fragment_source(_FRAGMENT)
        _compiled.append(gpu.shader.create_from_info(info))
    return _compiled[0]
