"""Slow, readable twins of the kernels, in float64 NumPy, written from the papers' formulas."""
