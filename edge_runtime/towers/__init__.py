"""The tower file: its card, its proof of itself, its maker, and the interpreter that runs it."""
