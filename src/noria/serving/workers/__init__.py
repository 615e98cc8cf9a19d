"""``--workers N``: processes that share the ports and the weights, under a supervisor, seen as one server.

``supervisor`` (no engine in it) opens the ports, starts the workers, starts again those that die, and passes signals
on. Each worker (``worker``) is a whole server. ``channel`` carries messages between a worker and the supervisor, over
a socket that both have from birth; ``hub`` hands the question of one worker to all others; ``fleet`` makes one answer
of theirs.
"""
