"""What is true and what shall be done. Free of the WebUI, of gradio, of random numbers and of the network."""
