"""RabbitMQ: quorum queues, confirmed publishing, dead letters that are not lost."""
