-- What is kept as long as the invoice goes with it (docs/lifetimes.md).
GRANT DELETE ON delivery, parcel, attempt, answer, response, dead TO {schema}_worker;
