"""What is kept, whether it is still what it was, and its end."""
