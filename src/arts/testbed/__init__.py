"""The bundled small model, its problem generator and the recipe that made it."""
