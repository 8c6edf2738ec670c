"""The two shaders of the drawing: splats into a picture of their own, and that picture into the view.

Projection and falloff are those of :mod:`core.rasterize.projection`: EWA splatting (Zwicker
et al., 2001) with the constants of 3D Gaussian splatting (Kerbl et al., 2023).
"""

from __future__ import annotations

import gpu

from ...core.rasterize.projection import BLUR, FRUSTUM_MARGIN, MIN_ALPHA
from ...core.rasterize.tiles import MAX_ALPHA
from ...core.viewing import texels
from ..splats.display.ewa import NEAR
from ..splats.display.radiance import polynomials
from . import light_shader

SELECTION_SHARE = 0.6
"""How much of a selected splat's colour is the theme's colour of selected points."""

OVERLAY_GAMMA = 2.2
"""Blender takes overlays for linear light and shows them through this power, whatever the view transform is."""
GAP = 2
"""Pixels from the middle to the end of a gap that has no outline."""

SAMPLERS = ("splats", "order", "objects", "scene_depth")
HARMONICS_SAMPLER = ("harmonics",)
"""Textures of the splat shader; the last only above degree 0."""

CONSTANTS = {
    "WIDTH": f"{texels.WIDTH}",
    "TEXELS": f"{texels.TEXELS}",
    "BLUR": f"{BLUR!r}",
    "MIN_ALPHA": f"{float(MIN_ALPHA)!r}",
    "MAX_ALPHA": f"{float(MAX_ALPHA)!r}",
    "MARGIN": f"{FRUSTUM_MARGIN!r}",
    "NEAR": f"{NEAR!r}",
    "SELECTION_SHARE": f"{SELECTION_SHARE!r}",
} | light_shader.CONSTANTS

# A macro, because not every graphics library lets a sampler be a function's argument.
FETCH = """
#define fetch(source, index) texelFetch(source, ivec2((index) % WIDTH, (index) / WIDTH), 0)
"""

AXES = """
/* The principal axes of a splat in the picture, one standard deviation long, in pixels.
 * seen: its middle in the view's space; right, up, back: rows of the matrix to there. */
mat2 principal_axes(vec3 seen, vec3 right, vec3 up, vec3 back, vec4 first, vec4 second)
{
  /* Rows of the projection's Jacobian, in the object's space: pixels per unit. */
  vec2 pixels = 0.5 * viewport * vec2(projection[0][0], projection[1][1]);
  vec3 row_x = right;
  vec3 row_y = up;
  if (projection[3][3] == 0.0) {
    vec2 limit = MARGIN / vec2(projection[0][0], projection[1][1]);
    vec2 slope = clamp(seen.xy / -seen.z, -limit, limit);
    row_x += slope.x * back;
    row_y += slope.y * back;
    pixels /= -seen.z;
  }
  row_x *= pixels.x;
  row_y *= pixels.y;
  mat3 covariance = mat3(first.xyz, vec3(first.y, second.xy), vec3(first.z, second.yz));
  vec3 spread_x = covariance * row_x;
  float xx = dot(row_x, spread_x) + BLUR;
  float xy = dot(row_y, spread_x);
  float yy = dot(row_y, covariance * row_y) + BLUR;
  float mean = 0.5 * (xx + yy);
  float difference = 0.5 * (xx - yy);
  float root = sqrt(difference * difference + xy * xy);
  float angle = 0.5 * atan(xy, difference);
  vec2 major = vec2(cos(angle), sin(angle)) * sqrt(mean + root);
  vec2 minor = vec2(-sin(angle), cos(angle)) * sqrt(max(mean - root, 0.5 * BLUR));
  return mat2(major, minor);
}
"""
"""Projection of a splat, for every shader that has the constants, ``projection`` and ``viewport``."""

_SPLAT_VERTEX = (
    FETCH
    + AXES
    + """
#if HARMONICS_COUNT
vec3 higher_harmonics(int splat, vec3 d)
{
  vec3 sum = vec3(0.0);
  int start = splat * HARMONICS_COUNT;
  float x = d.x, y = d.y, z = d.z;
  ADD_TERMS
  return sum;
}
#endif
"""
    + light_shader.SOURCE
    + """
void main()
{
  /* Outside of the view unless everything below finds the splat visible. */
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  local = corner;
  color = vec4(0.0);
  marks = vec2(0.0);
  int splat = int(fetch(order, gl_InstanceID).r);
  vec4 center = fetch(splats, splat * TEXELS);
  vec4 first = fetch(splats, splat * TEXELS + 1);
  vec4 second = fetch(splats, splat * TEXELS + 2);
  float opacity = first.w;
  int object = int(center.w);
  vec4 right = texelFetch(objects, ivec2(0, object), 0);
  vec4 up = texelFetch(objects, ivec2(1, object), 0);
  vec4 back = texelFetch(objects, ivec2(2, object), 0);
  vec4 eye = texelFetch(objects, ivec2(3, object), 0);
  vec4 place = vec4(center.xyz, 1.0);
  vec3 seen = vec3(dot(right, place), dot(up, place), dot(back, place));
  bool perspective = projection[3][3] == 0.0;
  float depth = -seen.z;
  vec4 clip = projection * vec4(seen, 1.0);
  if (opacity < MIN_ALPHA || abs(clip.z) > clip.w || (perspective && depth < NEAR)) {
    return;
  }

  /* As long as alpha reaches MIN_ALPHA. */
  mat2 axes = principal_axes(seen, right.xyz, up.xyz, back.xyz, first, second);
  vec2 offset = sqrt(2.0 * log(opacity / MIN_ALPHA)) * (axes * corner);
  clip.xy += 2.0 * offset / viewport * clip.w;

  vec3 rgb = fetch(splats, splat * TEXELS + 3).rgb;
#if HARMONICS_COUNT
  vec3 towards = eye.w > 0.5 ? center.xyz - eye.xyz : eye.xyz;
  rgb += higher_harmonics(splat, normalize(towards));
#endif
  rgb = max(rgb, 0.0);
  vec3 state = texelFetch(objects, ivec2(4, object), 0).xyz;
  if (state.z > 0.5) {
    mat3 to_view = transpose(mat3(right.xyz, up.xyz, back.xyz));
    vec3 viewer = perspective ? -normalize(seen) : vec3(0.0, 0.0, 1.0);
    vec3 normal = view_normal(fetch(splats, splat * TEXELS + 3).a, to_view, viewer);
    rgb = to_encoded(to_linear(rgb) * light_on(normal, object));
  }
  rgb = mix(rgb, highlight, second.w * SELECTION_SHARE);
  color = vec4(rgb, opacity);
  marks = state.xy;
  gl_Position = clip;
}
"""
)

_SPLAT_FRAGMENT = """
/* Whether the scene is in front. A dot of a pixel or two is none of its things, but one of the points that
 * stand in for splats: where one lies before them, it must not shine through. */
bool hidden(ivec2 pixel)
{
  if (gl_FragCoord.z <= texelFetch(scene_depth, pixel, 0).r) {
    return false;
  }
  int nearer = -1;
  for (int i = 0; i < 9; i++) {
    ivec2 beside = clamp(pixel + ivec2(i % 3 - 1, i / 3 - 1), ivec2(0), textureSize(scene_depth, 0) - 1);
    nearer += int(gl_FragCoord.z > texelFetch(scene_depth, beside, 0).r);
  }
  return nearer > 1;
}

void main()
{
  float squared = dot(local, local);
  /* opacity * exp(-r^2 / 2), where r is the reach at distance 1. */
  float alpha = color.a * pow(color.a / MIN_ALPHA, -squared);
  if (squared > 1.0 || hidden(ivec2(gl_FragCoord.xy))) {
    discard;
  }
  alpha = min(alpha, MAX_ALPHA);
  result = vec4(color.rgb * alpha, alpha);
  marked = vec4(marks * alpha, 0.0, alpha);
}
"""

_PICTURE_VERTEX = """
void main()
{
  gl_Position = vec4(corner, 0.0, 1.0);
}
"""

_PICTURE_FRAGMENT = """
vec2 covered(ivec2 pixel)
{
  return step(0.5, texelFetch(marks, clamp(pixel, ivec2(0), textureSize(marks, 0) - 1), 0).rg);
}

/* Beside what selected objects cover: for the selected ones and for the active one. Not in gaps,
 * which the lines of the grid and other thin things leave. */
vec2 outline(ivec2 pixel)
{
  vec2 around = vec2(0.0);
  vec2 between = vec2(0.0);
  for (int i = 0; i < 4; i++) {
    ivec2 side = ivec2(i == 3 ? -1 : int(i > 0), int(i != 1));
    around = max(around, max(covered(pixel + side), covered(pixel - side)));
    between = max(between, covered(pixel + GAP * side) * covered(pixel - GAP * side));
  }
  return around * (1.0 - covered(pixel)) * (1.0 - between);
}

void main()
{
  ivec2 pixel = ivec2(gl_FragCoord.xy);
  vec4 blended = texelFetch(picture, pixel, 0);
  vec2 lines = outline(pixel);
  vec4 line = lines.y > 0.5 ? active_color : selected_color;
  line *= max(lines.x, lines.y);
  blended = vec4(line.rgb * line.a, line.a) + (1.0 - line.a) * blended;
  if (blended.a <= 0.0) {
    discard;
  }
  vec3 encoded = clamp(blended.rgb / blended.a, 0.0, 1.0);
  vec3 linear = pow(encoded, vec3(OVERLAY_GAMMA));
  result = vec4(linear * blended.a, blended.a);
}
"""


def splat_shader(degree: int) -> gpu.types.GPUShader:
    """Compile the shader that blends splats, far to near, into a picture of premultiplied sRGB values.

    Args:
        degree: Of the spherical harmonics, 0..3.

    Raises:
        Exception: The graphics driver refuses it; its log is in Blender's console.
    """
    varyings = gpu.types.GPUStageInterfaceInfo(f"facelift_splat_{degree}")
    varyings.smooth("VEC2", "local")
    varyings.flat("VEC4", "color")
    varyings.flat("VEC2", "marks")
    info = gpu.types.GPUShaderCreateInfo()
    for name, value in CONSTANTS.items():
        info.define(name, value)
    info.define("HARMONICS_COUNT", str((degree + 1) ** 2 - 1))
    info.vertex_in(0, "VEC2", "corner")
    info.vertex_out(varyings)
    info.push_constant("MAT4", "projection")
    info.push_constant("VEC3", "highlight")
    info.push_constant("VEC2", "viewport")
    for slot, name in enumerate(SAMPLERS + (HARMONICS_SAMPLER if degree else ())):
        info.sampler(slot, "FLOAT_2D", name)
    info.fragment_out(0, "VEC4", "result")
    info.fragment_out(1, "VEC4", "marked")
    info.vertex_source(_SPLAT_VERTEX.replace("ADD_TERMS", _harmonics_source(degree)))
    info.fragment_source(_SPLAT_FRAGMENT)
    return gpu.shader.create_from_info(info)


def picture_shader() -> gpu.types.GPUShader:
    """Compile the shader that lays the finished picture over the view.

    Raises:
        Exception: The graphics driver refuses it.
    """
    info = gpu.types.GPUShaderCreateInfo()
    info.define("OVERLAY_GAMMA", f"{OVERLAY_GAMMA!r}")
    info.vertex_in(0, "VEC2", "corner")
    info.define("GAP", f"{GAP}")
    info.push_constant("VEC4", "selected_color")
    info.push_constant("VEC4", "active_color")
    info.sampler(0, "FLOAT_2D", "picture")
    info.sampler(1, "FLOAT_2D", "marks")
    info.fragment_out(0, "VEC4", "result")
    info.vertex_source(_PICTURE_VERTEX)
    info.fragment_source(_PICTURE_FRAGMENT)
    return gpu.shader.create_from_info(info)


def _harmonics_source(degree: int) -> str:
    """Return the lines that add the terms above degree 0, from the core's own basis."""
    if degree == 0:
        return ""
    lines = []
    for index, terms in enumerate(polynomials(degree)):
        products = (
            "*".join(
                [f"({coefficient!r})", *(axis for axis, power in zip("xyz", powers, strict=True) for _ in range(power))]
            )
            for powers, coefficient in terms.items()
        )
        lines.append(f"sum += ({' + '.join(products)}) * fetch(harmonics, start + {index}).rgb;")
    return "\n  ".join(lines)
