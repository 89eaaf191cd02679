-- What is kept as long as the invoice goes with it (docs/lifetimes.md).
GRANT DELETE ON verdict, dead TO {schema}_worker;
