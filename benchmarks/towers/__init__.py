"""What the towers that ship are worth: error rates on people whom nobody has trained on, and a page that says so."""
