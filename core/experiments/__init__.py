"""Experiments: what is computed, behind one protocol."""
