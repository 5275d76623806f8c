"""The database: the only place with SQL, one module of queries per noun."""
