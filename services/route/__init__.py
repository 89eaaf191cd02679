"""route: who is the receiver, and why; and what waits until somebody is."""
