"""Is the converted tower still as good as the float tower?"""
