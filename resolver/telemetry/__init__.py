"""What operators see: metric families, the log, later traces and dnstap. Counting is plain integers."""
