"""What a server tells about itself: metrics, request logs, event logs, traces."""
