"""Where pictures come from. The only place that imports `av`."""
