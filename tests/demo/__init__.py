"""The embedded host behaves as AUTOMATIC1111 does."""
