"""Tests against real parts; the folders mirror the tree."""
