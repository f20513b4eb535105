"""Data files that the app carries along, and how they were made."""
