"""sync: Exact Globe+ and Exact Purchase to Pay kept alike: plans that can be read before they are applied."""
