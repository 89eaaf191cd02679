"""validate: is this a lawful invoice, and if not, what is wrong with it, line by line."""
