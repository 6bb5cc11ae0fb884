"""What Django writes by itself is read by machines in every language: numbers in drawings, days in date fields.

What people read is written by core.formatting, in the language's own way.
"""

DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ""
DATE_INPUT_FORMATS = ["%Y-%m-%d"]
