"""One quantity per module: functions of trajectories, and `table` for its tidy rows."""
