"""A document in another format or as a page, for whoever asks: nothing is stored."""
