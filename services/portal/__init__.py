"""portal: pages for people. No schema, no queue, no private door: an HTTP client of the public APIs."""
