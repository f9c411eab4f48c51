"""The use cases as functions: typed in, typed out, progress by callback."""
