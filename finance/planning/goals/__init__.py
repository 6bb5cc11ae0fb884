"""Money that is set aside inside accounts for something."""
