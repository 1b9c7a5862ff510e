"""Recorded episodes played through a policy: what it would have done, beside what was done."""
