"""What runs: cameras, models, the service and the command line."""
