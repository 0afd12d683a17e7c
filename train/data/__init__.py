"""Pictures and who is on them: sources, the set in memory, the division of people."""
