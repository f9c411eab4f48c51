"""Other tools' sample files: formats, values, one typed sample, and the way into trees."""
