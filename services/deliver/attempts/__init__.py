"""The attempts: claimed, made, and written down."""
