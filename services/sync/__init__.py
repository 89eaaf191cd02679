"""sync: Exact Globe+ and Exact Purchase to Pay kept alike. So far: what becomes of a record, no runs yet."""
