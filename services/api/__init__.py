"""The clip API: takes audio in, gives it out, and keeps the list. Stateless; any number of machines may run it."""
