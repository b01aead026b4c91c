"""Every command against every service that claims to be able to do it: `make services`."""
