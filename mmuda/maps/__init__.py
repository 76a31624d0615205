"""Maps: predicting them, writing them, turning them into polygons and judging them."""
