"""What to visit: one spider for each outlet profile, one module for each way of discovery."""
