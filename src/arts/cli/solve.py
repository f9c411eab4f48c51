"""Answer one question, or every problem of a file, by sampling solutions and deciding between them."""
