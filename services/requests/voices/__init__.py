"""What people say about the service: complaints, suggestions and what comes of them, forums, surveys."""
