"""What a user gets wrong is told at build; views, teacher and prediction go where the config says."""
