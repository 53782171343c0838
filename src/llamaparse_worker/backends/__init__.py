"""Implementations of the seams, one folder a seam. Backends never import each other."""
