"""The directory of parties."""
