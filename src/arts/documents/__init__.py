"""Documents of words, tables and figures, in Markdown and HTML: one renderer for every report."""
