"""What a server must survive, tried on a real one: ``python -m drills`` runs every drill and prints one table."""
