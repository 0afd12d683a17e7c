"""Foreign bytes for every parser: coverage-guided by atheris, and in small by the tests."""
