"""track: where every invoice is, what happened to it, and the mail that tells its sender."""
