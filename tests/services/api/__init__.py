"""Tests of the clip API: pure functions without a server, routes on a real process with both kinds of parts."""
