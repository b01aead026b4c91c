"""Bots killed and stopped at the worst moments, under load; then a count of what went wrong."""
