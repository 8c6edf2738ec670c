"""The sidebar, and the parts that panels are made of."""
