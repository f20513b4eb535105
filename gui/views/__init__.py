"""Views: one per panel; they draw frames and hold no arithmetic of the experiments."""
