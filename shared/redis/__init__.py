"""Redis: streams of events, queues of jobs."""
