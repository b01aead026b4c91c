"""The whole table of hostile inputs against bots that run: `make hostile`."""
