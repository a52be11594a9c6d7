"""The running server: routing to server blocks, dispatch of messages, workers, reload. Knows everything else."""
