"""What the accordion shows, in words and plain records: decided here, drawn by `ui`."""
