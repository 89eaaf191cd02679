"""sync: Exact Globe+ and Exact Purchase to Pay kept alike. So far: what is to be synced, no runs yet."""
