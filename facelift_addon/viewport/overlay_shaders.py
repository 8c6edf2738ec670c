"""The shaders of centres and rings: splats as marks that others hide, in a picture that is laid over the view."""

from __future__ import annotations

import gpu

from .shaders import AXES, CONSTANTS, FETCH, OVERLAY_GAMMA

SAMPLERS = ("splats", "chosen", "objects")
HIDE, RINGS, CENTERS = 0, 1, 2
"""What a pass draws: depths that hide, ellipses, points."""
HIDING_OPACITY = 0.3
"""From which on a splat hides marks behind it."""
SLACK = 3.0
"""Standard deviations behind the front where marks still show."""
RING_PIXELS = 0.6
"""Half the width of a ring's line."""

_VERTEX = (
    FETCH
    + AXES
    + """
void main()
{
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  local = corner;
  color = vec4(0.0);
  int splat = int(fetch(chosen, gl_InstanceID).r);
  vec4 center = fetch(splats, splat * TEXELS);
  vec4 first = fetch(splats, splat * TEXELS + 1);
  vec4 second = fetch(splats, splat * TEXELS + 2);
  int object = int(center.w);
  vec4 right = texelFetch(objects, ivec2(0, object), 0);
  vec4 up = texelFetch(objects, ivec2(1, object), 0);
  vec4 back = texelFetch(objects, ivec2(2, object), 0);
  vec4 place = vec4(center.xyz, 1.0);
  vec3 seen = vec3(dot(right, place), dot(up, place), dot(back, place));
  vec4 clip = projection * vec4(seen, 1.0);
  bool perspective = projection[3][3] == 0.0;
  float least = what == HIDE ? HIDING_OPACITY : MIN_ALPHA;
  if (first.w < least || abs(clip.z) > clip.w || (perspective && -seen.z < NEAR)) {
    return;
  }
  vec2 offset;
  if (what == CENTERS) {
    offset = 0.5 * (size + 1.0) * corner;
    local = corner * (size + 1.0) / size;
  } else {
    mat2 axes = principal_axes(seen, right.xyz, up.xyz, back.xyz, first, second);
    vec2 room = what == RINGS ? 1.0 + 2.0 / vec2(length(axes[0]), length(axes[1])) : vec2(1.0);
    local = corner * room;
    offset = axes * local;
  }
  color = vec4(mix(plain, highlight, second.w), 1.0);
  if (what != HIDE) {
    /* A little nearer, so that a splat's own surface does not hide its mark. */
    float spread = sqrt(first.x + second.x + second.z) * length(back.xyz);
    vec4 nearer = projection * vec4(seen.xy, seen.z + SLACK * spread, 1.0);
    clip.z = max(nearer.z / nearer.w, -1.0) * clip.w;
  }
  clip.xy += 2.0 * offset / viewport * clip.w;
  gl_Position = clip;
}
"""
)

_FRAGMENT = """
void main()
{
  float distance = length(local);
  float pixel = max(fwidth(distance), 1e-6);
  float alpha = 1.0;
  if (what == RINGS) {
    alpha = 1.0 - clamp(abs(distance - 1.0) / pixel - RING_PIXELS, 0.0, 1.0);
  } else if (what == CENTERS) {
    alpha = 1.0 - clamp((distance - 1.0) / pixel + 0.5, 0.0, 1.0);
  } else if (distance > 1.0) {
    alpha = 0.0;
  }
  if (alpha <= 0.0) {
    discard;
  }
  result = what == HIDE ? vec4(0.0) : vec4(color.rgb, alpha);
}
"""

_PICTURE_VERTEX = """
void main()
{
  gl_Position = vec4(corner, 0.0, 1.0);
}
"""

_PICTURE_FRAGMENT = """
void main()
{
  vec4 mark = texelFetch(picture, ivec2(gl_FragCoord.xy), 0);
  if (mark.a <= 0.0) {
    discard;
  }
  result = vec4(pow(mark.rgb / mark.a, vec3(OVERLAY_GAMMA)) * mark.a, mark.a) * strength;
}
"""


def marks_shader() -> gpu.types.GPUShader:
    """Compile the shader that draws depths, rings or centres, by its constant ``what``.

    Raises:
        Exception: The graphics driver refuses it.
    """
    varyings = gpu.types.GPUStageInterfaceInfo("facelift_marks")
    varyings.smooth("VEC2", "local")
    varyings.flat("VEC4", "color")
    info = gpu.types.GPUShaderCreateInfo()
    own = {"HIDE": HIDE, "RINGS": RINGS, "CENTERS": CENTERS}
    own |= {"HIDING_OPACITY": HIDING_OPACITY, "SLACK": SLACK, "RING_PIXELS": RING_PIXELS}
    for name, value in (CONSTANTS | own).items():
        info.define(name, str(value))
    info.vertex_in(0, "VEC2", "corner")
    info.vertex_out(varyings)
    info.push_constant("MAT4", "projection")
    info.push_constant("VEC2", "viewport")
    info.push_constant("FLOAT", "size")
    info.push_constant("INT", "what")
    info.push_constant("VEC3", "plain")
    info.push_constant("VEC3", "highlight")
    for slot, name in enumerate(SAMPLERS):
        info.sampler(slot, "FLOAT_2D", name)
    info.fragment_out(0, "VEC4", "result")
    info.vertex_source(_VERTEX)
    info.fragment_source(_FRAGMENT)
    return gpu.shader.create_from_info(info)


def overlay_shader() -> gpu.types.GPUShader:
    """Compile the shader that lays the finished marks over the view.

    Raises:
        Exception: The graphics driver refuses it.
    """
    info = gpu.types.GPUShaderCreateInfo()
    info.define("OVERLAY_GAMMA", f"{OVERLAY_GAMMA!r}")
    info.vertex_in(0, "VEC2", "corner")
    info.push_constant("FLOAT", "strength")
    info.sampler(0, "FLOAT_2D", "picture")
    info.fragment_out(0, "VEC4", "result")
    info.vertex_source(_PICTURE_VERTEX)
    info.fragment_source(_PICTURE_FRAGMENT)
    return gpu.shader.create_from_info(info)
