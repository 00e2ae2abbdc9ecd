"""The clip API: stores audio, serves it, and lists clips. Stateless: any number of machines may run it."""
