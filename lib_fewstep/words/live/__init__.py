"""What is said of live pictures, on the page and in the route's answers."""
