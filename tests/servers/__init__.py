"""Real servers for the tests: each runs as its own process, on free ports, and is gone with the test run."""
