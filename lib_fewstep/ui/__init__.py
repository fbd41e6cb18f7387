"""The accordion, in gradio alone."""
