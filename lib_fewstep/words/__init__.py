"""Every sentence for people, once, in each language."""
