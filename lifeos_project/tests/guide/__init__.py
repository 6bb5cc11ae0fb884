"""The operations guide that LifeOS was asked for, line by line: what to type here, and a check that it is true.

docs/guide.md is written from rows.py by `make guide`, with the states that the checks have found.
"""
