"""Problem sets, answer extraction and graders: the room that knows the truth."""
