-- What is kept as long as the invoice goes with it (docs/lifetimes.md).
GRANT DELETE ON decision, parked, dead TO {schema}_worker;
