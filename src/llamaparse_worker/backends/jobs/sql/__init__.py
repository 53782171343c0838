"""The job store in SQL, for every database that has upserts with RETURNING; a backend adds its driver and schema."""
