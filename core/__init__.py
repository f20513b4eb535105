"""The engine: NumPy experiments that know nothing of Qt or drawing."""

__version__ = "0.1.0"
