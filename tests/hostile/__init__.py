"""What broke when people tried it: each kind a table that the next case is one row of."""
