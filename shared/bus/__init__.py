"""How events travel: subscriptions as data, one in-memory bus and one over RabbitMQ, and the nameko host."""
