"""Odd sound files: every container, codec and clock that people have, made here, and what is right for each of them.

`python -m tests.cases` runs all of them through a real stack and three browsers and prints a table;
`tests/services/transcriber/test_cases.py` holds what the worker alone makes of them.
"""
