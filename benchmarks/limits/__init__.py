"""How far each model is from what this machine could do at most, and how many instructions it takes."""
