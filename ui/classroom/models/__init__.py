"""The pages Models and Model: the gallery, a model's card, its samples and actions."""
