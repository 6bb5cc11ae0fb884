"""What accounts are likely to hold on each of the coming days, and how far such forecasts were off before."""
