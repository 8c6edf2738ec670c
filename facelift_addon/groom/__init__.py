"""Hair as Blender's hair curves on the base mesh, ready to be groomed."""
