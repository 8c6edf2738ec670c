"""The part of the splat shader that lights lit heads: where a splat faces, and what falls on it from there.

An object's row of the texture ``objects`` has from column 5 on the nine colours of
:func:`core.viewing.irradiance.polynomial`.
"""

from __future__ import annotations

from ...core.viewing import texels
from ..splats.display.material import LEAST_FACING

CONSTANTS = {
    "NORMAL_STEPS": f"{float(texels.NORMAL_STEPS)!r}",
    "LEAST_FACING": f"{LEAST_FACING!r}",
}
"""Values of the names that :data:`SOURCE` uses."""

SOURCE = """
/* Where a packed normal points, in the view's space; to the viewer where there is none. */
vec3 view_normal(float code, mat3 to_view, vec3 towards)
{
  vec3 normal = towards;
  if (code > 0.5) {
    float row = floor((code - 1.0) / NORMAL_STEPS);
    vec2 place = vec2(code - 1.0 - row * NORMAL_STEPS, row) / (NORMAL_STEPS - 1.0) * 2.0 - 1.0;
    normal = vec3(place, 1.0 - abs(place.x) - abs(place.y));
    if (normal.z < 0.0) {
      vec2 signs = vec2(place.x < 0.0 ? -1.0 : 1.0, place.y < 0.0 ? -1.0 : 1.0);
      normal.xy = (1.0 - abs(place.yx)) * signs;
    }
    normal = normalize(to_view * normal);
  }
  /* What is seen does not face away. */
  return normalize(normal + towards * max(LEAST_FACING - dot(normal, towards), 0.0));
}

#define light_term(i) texelFetch(objects, ivec2(5 + (i), object), 0).rgb

vec3 light_on(vec3 n, int object)
{
  vec3 sum = n.x * n.x * light_term(0) + n.y * n.y * light_term(1) + n.z * n.z * light_term(2);
  sum += n.x * n.y * light_term(3) + n.y * n.z * light_term(4) + n.z * n.x * light_term(5);
  sum += n.x * light_term(6) + n.y * light_term(7) + n.z * light_term(8);
  return max(sum, 0.0);
}

vec3 to_linear(vec3 rgb)
{
  return mix(rgb / 12.92, pow((max(rgb, 0.0) + 0.055) / 1.055, vec3(2.4)), step(0.04045, rgb));
}

vec3 to_encoded(vec3 rgb)
{
  return mix(rgb * 12.92, 1.055 * pow(max(rgb, 1e-6), vec3(1.0 / 2.4)) - 0.055, step(0.0031308, rgb));
}
"""
