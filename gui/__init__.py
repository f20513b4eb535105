"""The window: Qt draws frames of experiments and edits their configurations."""
