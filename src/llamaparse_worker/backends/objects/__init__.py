"""Object stores and the sources of documents."""
