"""What the accordion says, in each language."""
