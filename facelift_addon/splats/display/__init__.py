"""How splats are shown: node trees and materials of the display modifier."""
