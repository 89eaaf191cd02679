-- What is kept as long as the invoice goes with it (docs/lifetimes.md).
GRANT DELETE ON fact, notice, notice_attempt, dead TO {schema}_worker;
