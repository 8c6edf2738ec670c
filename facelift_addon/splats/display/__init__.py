"""How splats are shown: Blender's own splats (5.3+), or the display modifier's node trees and materials."""
