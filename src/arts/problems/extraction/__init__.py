"""Reading the stated answer off a solution text, one module for each way of stating it."""
