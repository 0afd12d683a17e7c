"""The model card for people: what a tower file says of itself, as Markdown, HTML or JSON."""
