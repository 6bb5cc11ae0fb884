"""What if: changes laid over what is expected, compared with the forecast as it stands."""
