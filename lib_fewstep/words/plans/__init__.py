"""What a plan says: its line, its notes, why none can be made, and how files were recognised."""
