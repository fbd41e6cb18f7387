"""What is said beside plans: of downloads, under the picture, on the settings page."""
